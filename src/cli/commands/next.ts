import { type Command, Option } from 'commander';
import { nextRuns } from '../../domain/schedule/index.ts';
import { formatInstant } from '../../domain/time.ts';
import { action, outputOption, print, wholeNumber } from '../command.ts';
import { formatOne } from '../output/structured.ts';

interface NextOptions {
  readonly tz?: string;
  readonly from?: string;
  readonly count: number;
  readonly dst: 'Vixie' | 'Literal';
  readonly hashKey?: string;
  readonly output: 'table' | 'wide' | 'json' | 'yaml';
}

/** `next EXPR`: the ticks of a schedule, computed here, without a server. */
export function addNextCommand(program: Command): void {
  program
    .command('next')
    .description('show the next ticks of a schedule; needs no server')
    .argument('<expression...>', 'the schedule, best in quotes')
    .option('--tz <zone>', 'its time zone (default: UTC)')
    .option('--from <instant>', 'ticks after it, as RFC 3339 (default: now)')
    .option('--count <number>', 'so many ticks', wholeNumber(1, 100_000), 5)
    .addOption(
      new Option('--dst <policy>', 'what a change of clocks does').choices(['Vixie', 'Literal']).default('Vixie'),
    )
    .option('--hash-key <text>', 'what H is a hash of: a job’s namespace/name')
    .addOption(outputOption())
    .action(
      action(async (words: string[], options: NextOptions) => {
        const { tz: timeZone, from, count, dst: dstPolicy, hashKey, output } = options;
        const ticks = nextRuns(words.join(' '), { timeZone, from, count, dstPolicy, hashKey });
        const instants = ticks.map(tick => formatInstant(tick.getTime()));
        if (output === 'json' || output === 'yaml') return print(formatOne(instants, output));
        print(instants.map(instant => `${instant}\n`).join(''));
        if (instants.length === 0) process.stderr.write('it is never due\n');
        else if (instants.length < count) process.stderr.write('it is not due any more after that\n');
      }),
    );
}
