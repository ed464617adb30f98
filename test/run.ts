// `npm test`: runs every test file (or those given), names loudly what it had to skip, and ends with one line of counts.
// With CRONMESH_TEST_NO_SKIPS=1 (CI) a skipped test is a failure; with CRONMESH_TEST_NO_CLUSTER=1 what needs a Kubernetes
// is left out, for machines that can't have one.
import { globSync, readFileSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
// Tests say themselves what they configure; a developer's own settings must not reach them.
for (const name of ['DATABASE_URL', 'CONSUL_HTTP_ADDR', 'CONSUL_HTTP_TOKEN']) delete process.env[name];

const wanted = process.argv.slice(2);
const all = wanted.length > 0 ? wanted : globSync(['src/**/*.test.ts', 'test/**/*.test.ts']);
const noSkips = process.env.CRONMESH_TEST_NO_SKIPS === '1';
const noCluster = process.env.CRONMESH_TEST_NO_CLUSTER === '1';
const files = all.filter(file => !(noCluster && needsCluster(file))).sort();
/** Count seconds on a whole cluster: nothing else may take the machine from it. */
const alone = files.filter(file => file.endsWith('test/e2e/kubernetes.test.ts'));

let passed = 0;
let failed = 0;
const skipped = new Map<string, string[]>();

function needsCluster(file: string): boolean {
  return readFileSync(file, 'utf8').includes('kubernetesSkip()');
}

async function runAll(some: readonly string[], concurrency: number, timeout: number): Promise<void> {
  if (some.length === 0) return;
  const stream = run({ files: [...some], concurrency, timeout });
  stream.on('test:pass', ({ name, skip, details, file }) => {
    if (skip !== undefined && skip !== false) {
      const reason = typeof skip === 'string' && skip !== '' ? skip : 'no reason given';
      skipped.set(reason, [...(skipped.get(reason) ?? []), `${(file ?? '').replace(root, '')}: ${name}`]);
    } else if (details.type !== 'suite') passed += 1;
  });
  stream.on('test:fail', ({ details }) => {
    if (details.type !== 'suite' || details.error.cause === undefined) failed += 1;
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  await new Promise(resolve => report.once('end', resolve));
}

await runAll(
  files.filter(file => !alone.includes(file)),
  2,
  900_000,
);
await runAll(alone, 1, 2_400_000);

const skips = [...skipped.values()].reduce((sum, tests) => sum + tests.length, 0);
for (const [reason, tests] of skipped) {
  process.stdout.write(`\n!!! SKIPPED ${tests.length}: ${reason}\n${tests.map(test => `      ${test}`).join('\n')}\n`);
}
if (noSkips && skips > 0) process.stdout.write('\n!!! nothing may be skipped here\n');
if (passed + failed === 0) process.stdout.write('\n!!! no test was run\n');
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skips} skipped\n`);
process.exitCode = failed > 0 || passed === 0 || (noSkips && skips > 0) ? 1 : 0;
