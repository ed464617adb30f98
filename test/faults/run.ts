// `npm run test:faults -- --minutes N --seed S --nemesis a,b`: breaks a whole cluster on this machine for a while, and
// judges what came of it. Exits with 1 when a promise was broken, 2 when there is nothing to judge.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { check } from './checker/check.ts';
import { table } from './checker/table.ts';
import { runHarness } from './harness.ts';
import { around, type Options, parseOptions, usage } from './options.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(options: Options): Promise<number> {
  const { seed, minutes, folder, keep } = options;
  const began = Date.now();
  const say = (line: string) => print(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`);
  say(`seed ${seed}`);
  const history = await runHarness({ ...options, duration: Math.round((minutes - around) * 60_000), say });
  const verdict = check(history);
  await writeFile(join(folder, 'verdict.json'), `${JSON.stringify(verdict, null, 2)}\n`);
  print(table(history, verdict));
  const passed = verdict.violations.length === 0;
  if (passed && !keep) await rm(folder, { recursive: true });
  else print(`history, plan and logs: ${folder}`);
  return passed ? 0 : 1;
}

if (process.argv.includes('--help')) {
  print(usage);
} else {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
  try {
    process.exitCode = await main(options);
  } catch (error) {
    console.error(error);
    console.error(`no verdict; what there is: ${options.folder}`);
    process.exitCode = 2;
  }
}
