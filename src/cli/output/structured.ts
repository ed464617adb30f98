import { dump } from 'js-yaml';

export const formats = ['table', 'wide', 'json', 'yaml'] as const;
export type Format = (typeof formats)[number];

/** One thing as JSON or YAML. */
export function formatOne(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : toYaml(value);
}

/** A list: `{ "items": […] }` as JSON, one document for each as YAML. `apply -f -` reads both. */
export function formatList(items: readonly unknown[], format: 'json' | 'yaml'): string {
  if (format === 'json') return formatOne({ items }, 'json');
  return items.length === 0 ? '' : items.map(toYaml).join('---\n');
}

function toYaml(value: unknown): string {
  return dump(value, { noRefs: true, lineWidth: -1 });
}
