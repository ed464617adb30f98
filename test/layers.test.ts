import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * The layer rule: which layers each may import, and which packages the pure ones may. `main` alone picks adapters.
 */
const layers: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  jobs: ['domain'],
  gen: [],
  config: ['domain'],
  observability: ['domain', 'config'],
  wire: ['domain', 'gen'],
  coordination: ['domain', 'observability'],
  store: ['domain', 'observability'],
  discovery: ['domain', 'coordination', 'observability'],
  master: ['domain', 'coordination', 'store', 'discovery', 'observability', 'wire', 'gen', 'config'],
  worker: ['domain', 'jobs', 'coordination', 'discovery', 'observability', 'wire', 'gen', 'config'],
  operator: ['domain', 'coordination', 'store', 'discovery', 'observability', 'config'],
  cli: ['domain', 'config'],
  main: ['*'],
  ui: [],
};
/** Adapters: only main (and tests) may reach into these folders from another layer. */
const adapters = ['coordination/consul', 'coordination/memory', 'store/prisma'];
const purePackages: ReadonlySet<string> = new Set(['zod']);

/** What is wrong with one import, or undefined. `file` and `target` are paths below src. */
function violation(file: string, specifier: string): string | undefined {
  const layer = file.split('/')[0] ?? '';
  const allowed = layers[layer];
  if (allowed === undefined) return `${file}: no rule for the layer '${layer}'`;
  if (!specifier.startsWith('.')) {
    if (layer === 'domain' && !purePackages.has(specifier))
      return `${file}: domain is pure and must not import ${specifier}`;
    return undefined;
  }
  const target = normalize(join(dirname(file), specifier));
  if (target.startsWith('..')) return `${file}: must not import ${specifier} from outside src`;
  const other = target.split('/')[0] ?? '';
  if (other === layer || allowed.includes('*')) return undefined;
  if (!allowed.includes(other)) return `${file}: ${layer} must not import ${other} (${specifier})`;
  const adapter = adapters.find(one => target.startsWith(`${one}/`));
  return adapter === undefined ? undefined : `${file}: only main picks adapters, not ${layer} (${specifier})`;
}

/** The specifiers that a source imports, statically or dynamically. */
function importsOf(source: string): string[] {
  return [
    ...source.matchAll(
      /^\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm,
    ),
  ].map(match => match[1] ?? match[2] ?? match[3] ?? '');
}

const src = fileURLToPath(new URL('../src/', import.meta.url));

describe('the layer rule', () => {
  it('holds for every source', () => {
    const files = globSync('**/*.ts', { cwd: src }).filter(
      file => !file.endsWith('.test.ts') && !file.includes('/client/') && !file.includes('support'),
    );
    assert.ok(files.length > 50, `only ${files.length} sources found`);
    const found = files.flatMap(file =>
      importsOf(readFileSync(join(src, file), 'utf8'))
        .map(specifier => violation(file, specifier))
        .filter(one => one !== undefined),
    );
    assert.deepEqual(found, []);
  });

  it('refuses what breaks it', () => {
    const refused: [file: string, source: string, because: RegExp][] = [
      ['domain/schedule/x.ts', "import { readFileSync } from 'node:fs';", /domain is pure/],
      ['domain/job/x.ts', "import type { Store } from '../../store/store.ts';", /domain must not import store/],
      ['master/http/x.ts', "import { Worker } from '../../worker/worker.ts';", /master must not import worker/],
      ['worker/x.ts', "export { Leader } from '../master/leader/leader.ts';", /worker must not import master/],
      ['worker/x.ts', "import type { Store } from '../store/store.ts';", /worker must not import store/],
      [
        'master/x.ts',
        "import { ConsulCoordinator } from '../coordination/consul/consul.ts';",
        /only main picks adapters/,
      ],
      ['worker/x.ts', "const consul = await import('../coordination/consul/consul.ts');", /only main picks adapters/],
      ['nowhere/x.ts', "import 'zod';", /no rule for the layer/],
    ];
    for (const [file, source, because] of refused) {
      const [specifier = ''] = importsOf(source);
      assert.match(violation(file, specifier) ?? 'accepted', because);
    }
  });

  it('lets through what keeps it', () => {
    assert.equal(violation('main/master.ts', '../coordination/consul/consul.ts'), undefined);
    assert.equal(violation('coordination/consul/consul.ts', '../coordinator.ts'), undefined);
    assert.equal(violation('worker/claims/claimer.ts', '../../coordination/coordinator.ts'), undefined);
    assert.equal(violation('domain/job/spec.ts', 'zod'), undefined);
  });
});
