// `npm test`: runs every test file (or those given), names loudly what it had to skip, and ends with one line of counts.
// With CRONMESH_TEST_NO_SKIPS=1 (CI) a skipped test is a failure; with CRONMESH_TEST_NO_CLUSTER=1 what needs a Kubernetes
// is left out, for machines that can't have one; with CRONMESH_TEST_NO_LAB=1 what needs network namespaces.
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
const noLab = process.env.CRONMESH_TEST_NO_LAB === '1';
const isLeftOut = (file: string): boolean =>
  (noCluster && needs(file, 'kubernetesSkip()')) || (noLab && needs(file, 'labSkip()'));
const files = all.filter(file => !isLeftOut(file));
files.sort();
/** Count seconds on a whole cluster: nothing else may take the machine from it. */
const alone = files.filter(file =>
  /test\/(e2e\/(kubernetes|prometheus|everything)|faults\/(faults|lab\/\w+))\.test\.ts$/.test(file),
);

/** What it says is that something never happens, under faults: a failure that does not come again is one. */
const once = /^test\/(chaos|faults)\//;

interface Counts {
  passed: number;
  readonly failures: { readonly file: string; readonly name: string }[];
}
const skipped = new Map<string, string[]>();

function needs(file: string, skip: 'kubernetesSkip()' | 'labSkip()'): boolean {
  return readFileSync(file, 'utf8').includes(skip);
}

async function runAll(some: readonly string[], concurrency: number, timeout: number): Promise<Counts> {
  const counts: Counts = { passed: 0, failures: [] };
  if (some.length === 0) return counts;
  const stream = run({ files: [...some], concurrency, timeout });
  stream.on('test:pass', ({ name, skip, details, file }) => {
    if (skip !== undefined && skip !== false) {
      const reason = typeof skip === 'string' && skip !== '' ? skip : 'no reason given';
      skipped.set(reason, [...(skipped.get(reason) ?? []), `${(file ?? '').replace(root, '')}: ${name}`]);
    } else if (details.type !== 'suite') counts.passed += 1;
  });
  stream.on('test:fail', ({ name, details, file }) => {
    if (details.type === 'suite' && details.error.cause !== undefined) return;
    counts.failures.push({ file: (file ?? name).replace(root, ''), name });
  });
  const report = stream.compose(spec);
  report.pipe(process.stdout, { end: false });
  await new Promise(resolve => report.once('end', resolve));
  return counts;
}

/**
 * On a busy machine a test that counts on seconds may fail where nothing is wrong: its file is run once more, alone, and
 * both are told. Not with files named by hand, nor where a fault is looked for.
 */
async function again(counts: Counts, timeout: number): Promise<Counts> {
  const files = [...new Set(counts.failures.map(({ file }) => file))];
  if (wanted.length > 0 || files.length === 0 || files.length > 5 || files.some(file => once.test(file))) return counts;
  process.stdout.write(`\n!!! FAILED, and run again alone:\n${list(counts)}`);
  const second = await runAll(files, 1, timeout);
  if (second.failures.length === 0)
    process.stdout.write(`\n!!! UNSTABLE: passed only when run again:\n${list(counts)}`);
  return {
    passed: counts.passed + (second.failures.length === 0 ? counts.failures.length : 0),
    failures: second.failures,
  };
}

const list = ({ failures }: Counts): string => failures.map(({ file, name }) => `      ${file}: ${name}\n`).join('');

const most = await again(
  await runAll(
    files.filter(file => !alone.includes(file)),
    2,
    900_000,
  ),
  900_000,
);
const rest = await runAll(alone, 1, 2_400_000);
const passed = most.passed + rest.passed;
const failed = most.failures.length + rest.failures.length;

const skips = [...skipped.values()].reduce((sum, tests) => sum + tests.length, 0);
for (const [reason, tests] of skipped) {
  process.stdout.write(`\n!!! SKIPPED ${tests.length}: ${reason}\n${tests.map(test => `      ${test}`).join('\n')}\n`);
}
if (noSkips && skips > 0) process.stdout.write('\n!!! nothing may be skipped here\n');
if (passed + failed === 0) process.stdout.write('\n!!! no test was run\n');
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skips} skipped\n`);
process.exitCode = failed > 0 || passed === 0 || (noSkips && skips > 0) ? 1 : 0;
