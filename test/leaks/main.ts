// `npm run test:leaks -- --minutes 60`: churn on a whole cluster for that long, then a table of what grew, and whether it
// may. Exit status 0: nothing leaks; 1: something does; 2: bad usage.
import { parseArgs } from 'node:util';
import type { Measure } from './processes.ts';
import { hourly, leakTest } from './run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    every: { type: 'string', default: '20' },
    record: { type: 'string' },
  },
});
const [minutes, everySeconds] = [Number(values.minutes), Number(values.every)];
if (!(minutes > 0) || !(everySeconds >= 2) || (minutes * 60) / everySeconds < 10) {
  process.stderr.write(
    'test:leaks: --minutes is above 0, --every 2 seconds or more, and there are ten looks at least\n',
  );
  process.exit(2);
}
const say = (line: string): void => void process.stdout.write(`${new Date().toISOString()} ${line}\n`);
const report = await leakTest({ minutes, everySeconds, warmUp: 0.25, allowances: hourly, say, record: values.record });

const mib = 1024 * 1024;
const inMib: readonly Measure[] = ['rss', 'heap', 'external'];
process.stdout.write(
  '\n| process | what | first third | last third | an hour | tau | |\n| --- | --- | --- | --- | --- | --- | --- |\n',
);
for (const { process: name, measure, trend, grows } of report.verdicts) {
  const unit = inMib.includes(measure) ? (n: number) => `${(n / mib).toFixed(1)} MiB` : (n: number) => n.toFixed(1);
  process.stdout.write(
    `| ${name} | ${measure} | ${unit(trend.first)} | ${unit(trend.last)} | ${unit(trend.perHour)} | ${trend.tau.toFixed(2)} | ${grows ? 'GROWS' : 'steady'} |\n`,
  );
}
const growing = report.verdicts.filter(one => one.grows);
process.stdout.write(
  `\n${growing.length} of ${report.verdicts.length} measures grow; ${report.leftKeys.length} keys without an owner are left\n`,
);
for (const key of report.leftKeys) process.stdout.write(`left: ${key}\n`);
process.exitCode = growing.length > 0 || report.leftKeys.length > 0 ? 1 : 0;
