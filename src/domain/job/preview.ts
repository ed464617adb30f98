/**
 * A value as JSON for a message, cut to `limit` characters. It stops once it has enough, so a huge, deep or even
 * cyclic value (YAML aliases can make one) costs no more than a small one.
 *
 * @example preview({ a: [1, 'x'] }) // '{"a":[1,"x"]}'
 */
export function preview(value: unknown, limit = 200): string {
  let text = '';
  const full = (): boolean => text.length > limit;

  const write = (part: unknown): void => {
    if (full()) return;
    if (Array.isArray(part)) {
      text += '[';
      for (const [i, item] of part.entries()) {
        if (full()) return;
        if (i > 0) text += ',';
        write(item);
      }
      text += ']';
    } else if (typeof part === 'object' && part !== null) {
      text += '{';
      let first = true;
      for (const key in part) {
        if (full()) return;
        if (!Object.hasOwn(part, key)) continue;
        if (!first) text += ',';
        first = false;
        text += `${JSON.stringify(key.slice(0, limit))}:`;
        write((part as Record<string, unknown>)[key]);
      }
      text += '}';
    } else if (typeof part === 'string') {
      text += JSON.stringify(part.slice(0, limit + 1));
    } else {
      // NaN and the infinities are no JSON, yet YAML can write them: show them as they are.
      text += String(part);
    }
  };

  write(value);
  return full() ? `${text.slice(0, limit - 1)}…` : text;
}
