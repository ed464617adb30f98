/**
 * A field's path as people write it: `spec.executor.shell.command[0]`, `metadata.labels["example.com/team"]`.
 * The whole document is `(document)`. Of a name that is longer than 128 characters the beginning is given.
 */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    const name = String(part).slice(0, 128);
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[A-Za-z_$][\w$-]*$/.test(name)) text += `[${JSON.stringify(name)}]`;
    else text += text === '' ? name : `.${name}`;
  }
  return text === '' ? '(document)' : text;
}

/** What an input holds at a path; undefined where there is nothing. */
export function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
