import { readFileSync } from 'node:fs';

/** A metric as docs/metrics.md has it. */
export interface DocumentedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  /** The programs that show it. */
  readonly of: string;
}

/** The rows of the page's tables: | `name` | type | `label`, `label` | program | meaning |. */
export function documentedMetrics(): readonly DocumentedMetric[] {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  return page.split('\n').flatMap(line => {
    const [, name, type, labels, of] =
      /^\| `(cronmesh_\w+)` \| (\w+) \|(.*?)\| (\w+(?:, \w+)*) \| .{5,} \|$/.exec(line) ?? [];
    if (name === undefined || type === undefined || of === undefined) return [];
    return [
      { name, type, labels: [...(labels ?? '').matchAll(/`(\w+)`/g)].map(([, label]) => label ?? '').sort(), of },
    ];
  });
}

/** The project's own families in the text format: each with its type and, where it has samples, its labels. */
export function scrapedFamilies(text: string): ReadonlyMap<string, string> {
  const families = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, declared, type] = /^# TYPE (cronmesh_\w+) (\w+)$/.exec(line) ?? [];
    if (declared !== undefined) families.set(declared, `${type} `);
    const [, sample, labels = ''] = /^(cronmesh_\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (sample === undefined) continue;
    const family = families.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, '');
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, name]) => name ?? '').filter(name => name !== 'le');
    families.set(family, `${families.get(family)?.split(' ', 1)[0]} ${names.sort().join(',')}`);
  }
  return families;
}
