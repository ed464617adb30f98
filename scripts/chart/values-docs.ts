import { load } from 'js-yaml';

type Values = { readonly [key: string]: unknown };

/** A value of values.yaml with the comment above it. */
interface Row {
  /** Dotted, from the top. */
  readonly path: string;
  readonly value: unknown;
  readonly comment: string;
}

/**
 * The tables of a chart's README, made of its values.yaml: a heading for each top-level section, a line for each value.
 * A mapping is one line when nothing in it has a comment, and its own values otherwise. The comment above a section
 * is the text below its heading.
 *
 * @example valuesTables('# How many.\nreplicas: 2\n') // '| value | default | |\n…| `replicas` | `2` | How many. |\n'
 */
export function valuesTables(yaml: string): string {
  const comments = commentsOf(yaml);
  const values = load(yaml) as Values;
  const scalars: Row[] = [];
  const sections: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    const rows = rowsOf([key], value, comments);
    if (rows.length === 1 && rows[0]?.path === key) scalars.push(...rows);
    else sections.push([`### ${key}`, comments.get(key), table(rows)].filter(Boolean).join('\n\n'));
  }
  return [table(scalars), ...sections].join('\n\n');
}

function rowsOf(path: readonly string[], value: unknown, comments: ReadonlyMap<string, string>): Row[] {
  const name = path.join('.');
  const whole = [{ path: name, value, comment: comments.get(name) ?? '' }];
  if (!isMapping(value) || Object.keys(value).length === 0) return whole;
  const top = path.length === 1;
  const documented = [...comments.keys()].some(key => key.startsWith(`${name}.`));
  if (!documented && (!top || comments.has(name))) return whole;
  return Object.entries(value).flatMap(([key, inner]) => rowsOf([...path, key], inner, comments));
}

/**
 * The comments right above keys of block mappings, by the keys' paths. A line that begins deeper than its section by
 * a list's dash belongs to a value and has no path of its own.
 */
function commentsOf(yaml: string): Map<string, string> {
  const found = new Map<string, string>();
  const open: { readonly indent: number; readonly key: string }[] = [];
  let pending: string[] = [];
  for (const line of yaml.split('\n')) {
    const comment = /^\s*# ?(.*)$/.exec(line);
    const key = /^( *)([A-Za-z][\w.-]*):/.exec(line);
    if (comment) {
      pending.push(comment[1] ?? '');
      continue;
    }
    if (key) {
      const indent = key[1]?.length ?? 0;
      while ((open.at(-1)?.indent ?? -1) >= indent) open.pop();
      open.push({ indent, key: key[2] ?? '' });
      if (pending.length > 0) found.set(open.map(one => one.key).join('.'), pending.join(' '));
    }
    pending = [];
  }
  return found;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ path, value, comment }) => `| \`${path}\` | ${shown(value)} | ${cell(comment)} |`);
  return ['| value | default | |', '| --- | --- | --- |', ...lines].join('\n');
}

function shown(value: unknown): string {
  return value === '' ? '–' : `\`${cell(JSON.stringify(value))}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function isMapping(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
