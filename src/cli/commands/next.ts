import { type Command, Option } from 'commander';
import { nextRuns } from '../../domain/schedule/index.ts';
import { formatInstant } from '../../domain/time.ts';
import {
  action,
  type ClientOptions,
  clientCommand,
  clientOf,
  jobOf,
  jobPath,
  outputOption,
  print,
  wholeNumber,
} from '../command.ts';
import { CliError } from '../errors.ts';
import { formatOne } from '../output/structured.ts';
import { printable } from '../output/table.ts';
import type { TicksView } from '../views.ts';

interface NextOptions extends ClientOptions {
  readonly tz?: string;
  readonly from?: string;
  readonly count: number;
  readonly dst?: 'Vixie' | 'Literal';
  readonly hashKey?: string;
  readonly excluded?: true;
  readonly output: 'table' | 'wide' | 'json' | 'yaml';
}

/** `next EXPR`: the ticks of a schedule, computed here, without a server. `next NAME`: those of a job, as the server has it. */
export function addNextCommand(program: Command): void {
  clientCommand(program, 'next')
    .description('show the next ticks of a schedule, which needs no server, or of a job')
    .argument('<expression...>', 'the schedule, best in quotes; or the name of a job, or namespace/name')
    .option('--tz <zone>', 'its time zone (default: UTC)')
    .option('--from <instant>', 'ticks after it, as RFC 3339 (default: now)')
    .option('--count <number>', 'so many ticks (of a job at most 100)', wholeNumber(1, 100_000), 5)
    .addOption(
      new Option('--dst <policy>', 'what a change of clocks does (default: Vixie)').choices(['Vixie', 'Literal']),
    )
    .option('--hash-key <text>', 'what H is a hash of: a job’s namespace/name')
    .option('--excluded', 'of a job: show what calendars, startAt and endAt take out, too')
    .addOption(outputOption())
    .action(
      action(async (words: string[], options: NextOptions) => {
        const name = jobName(words);
        if (name !== undefined) return await nextOfJob(name, options);
        if (options.excluded) {
          throw new CliError('--excluded is for jobs, and a schedule alone has no calendars: next NAME', { status: 2 });
        }
        const { tz: timeZone, from, count, dst: dstPolicy, hashKey, output } = options;
        const ticks = nextRuns(words.join(' '), { timeZone, from, count, dstPolicy, hashKey });
        const instants = ticks.map(tick => formatInstant(tick.getTime()));
        if (output === 'json' || output === 'yaml') return print(formatOne(instants, output));
        print(instants.map(instant => `${instant}\n`).join(''));
        tellEnd(instants.length, count);
      }),
    );
}

/** One word is no schedule, but for macros and zones; `next job NAME` is what users of kubectl type. */
function jobName(words: readonly string[]): string | undefined {
  const [first = '', second] = words;
  if (words.length === 2 && /^jobs?$/.test(first)) return second;
  return words.length === 1 && /^[a-z0-9][-a-z0-9./]*$/.test(first) ? first : undefined;
}

async function nextOfJob(name: string, options: NextOptions): Promise<void> {
  const { tz, dst, hashKey, from, count, excluded, output } = options;
  if (tz !== undefined || dst !== undefined || hashKey !== undefined) {
    throw new CliError('--tz, --dst and --hash-key are for schedules: a job has its own', { status: 2 });
  }
  const path = `${jobPath(jobOf(name, options))}/next`;
  const ticks = await clientOf(options).get<TicksView>(path, { count, from, excluded: excluded && 'true' });
  if (output === 'json' || output === 'yaml') return print(formatOne(ticks, output));
  const lines = [
    ...ticks.items.map(at => ({ at, line: at })),
    ...(ticks.excluded ?? []).map(({ at, reason }) => ({ at, line: `${at}  falls out: ${printable(reason)}` })),
  ];
  lines.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  print(lines.map(({ line }) => `${line}\n`).join(''));
  if (ticks.suspended) process.stderr.write('it is suspended\n');
  else tellEnd(ticks.items.length, count);
}

function tellEnd(found: number, wanted: number): void {
  if (found === 0) process.stderr.write('it is never due\n');
  else if (found < wanted) process.stderr.write('it is not due any more after that\n');
}
