// `node test/faults/mutations/run.ts [names]`: builds the product with each deliberate defect, breaks the cluster around
// it, and tells which rule of the checker caught it. Exits with 1 when any defect was not caught.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from '../history/history.ts';
import { mutated, root } from './apply.ts';
import { type Mutation, mutations } from './mutations.ts';

// Whoever ends this ends the run as well, which clears away its lab.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    going?.kill(signal);
    going?.once('exit', () => process.exit(130));
    if (going === undefined) process.exit(130);
  });
}
let going: ChildProcess | undefined;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const names = process.argv.slice(2);
const unknown = names.filter(name => !mutations.some(one => one.name === name));
if (unknown.length > 0) {
  console.error(
    `no defect is called ${unknown.join(', ')}; there are: ${mutations.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const chosen = names.length === 0 ? mutations : mutations.filter(({ name }) => names.includes(name));
const rows: { readonly name: string; readonly caught: boolean; readonly how: string }[] = [];
for (const mutation of chosen) rows.push({ name: mutation.name, ...(await tried(mutation)) });
say('');
for (const { name, caught, how } of rows) say(`${caught ? 'caught    ' : 'NOT caught'}  ${name.padEnd(20)}  ${how}`);
process.exitCode = rows.every(({ caught }) => caught) ? 0 : 1;

/** Breaks a cluster of the defective product by one seed after another, until the checker says why it is refused. */
async function tried(mutation: Mutation): Promise<{ readonly caught: boolean; readonly how: string }> {
  const copy = mutated(mutation);
  const clear = (): void => rmSync(copy, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    built(copy);
    const missed: string[] = [];
    for (const seed of mutation.seeds) {
      say(`${mutation.name}, seed ${seed}: ${mutation.what}`);
      const { verdict, folder } = await broken(copy, mutation, seed);
      const told = verdict?.violations.filter(({ rule }) => mutation.rules.includes(rule)) ?? [];
      const [first] = told;
      if (first !== undefined) {
        rmSync(folder, { recursive: true, force: true });
        return { caught: true, how: `seed ${seed}, ${first.rule} × ${told.length}: ${first.what}` };
      }
      const others = new Set(verdict?.violations.map(({ rule }) => rule));
      missed.push(
        `seed ${seed}: ${verdict === undefined ? 'no verdict' : [...others].join(', ') || 'passed'} (${folder})`,
      );
    }
    return { caught: false, how: missed.join('; ') };
  } finally {
    process.off('exit', clear);
    clear();
  }
}

/** A defect must still be a program: what does not compile proves nothing. */
function built(copy: string): void {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: copy, stdio: 'inherit' });
  if (status !== 0) throw new Error(`the defective product in ${copy} does not compile`);
}

async function broken(
  copy: string,
  { name, nemeses, minutes }: Mutation,
  seed: number,
): Promise<{ readonly verdict: Verdict | undefined; readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), `cronmesh-faults-${name}-${seed}-`));
  const options = { product: join(copy, 'bin/cronmesh'), seed, minutes, nemesis: nemeses.join(','), folder };
  const args = Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)]);
  const run = spawn(process.execPath, ['test/faults/run.ts', ...args, '--keep'], { cwd: root, stdio: 'inherit' });
  going = run;
  await new Promise(resolve => run.once('exit', resolve));
  going = undefined;
  const path = join(folder, 'verdict.json');
  return { verdict: existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Verdict) : undefined, folder };
}
