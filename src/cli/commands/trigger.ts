import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../domain/schedule/duration.ts';
import type { Client } from '../client.ts';
import {
  action,
  type ClientOptions,
  clientCommand,
  clientOf,
  fail,
  jobOf,
  jobPath,
  outputOption,
  print,
} from '../command.ts';
import { CliError } from '../errors.ts';
import { followRun } from '../follow.ts';
import { formatRelative, runResult } from '../output/format.ts';
import { type Format, formatOne } from '../output/structured.ts';
import { printable } from '../output/table.ts';
import type { AskedRunView, DryRunView, RunView } from '../views.ts';

interface TriggerOptions extends ClientOptions {
  readonly at?: string;
  readonly in?: number;
  readonly arg?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly dryRun?: true;
  readonly wait?: true;
  readonly follow?: true;
  readonly output: Format;
}

/** `trigger NAME`: a run now or later, with arguments and environment of its own, or only what it would come to. */
export function addTriggerCommand(program: Command): void {
  clientCommand(program, 'trigger')
    .description('run a job now, or later')
    .argument('<job>', 'a name, or namespace/name')
    .argument('[arguments...]', 'behind the job’s own, best after --')
    .addOption(new Option('--at <instant>', 'run it then, as RFC 3339').conflicts('in'))
    .addOption(new Option('--in <duration>', 'run it after this: 90s, 10m, 1h30m').argParser(delay))
    .addOption(new Option('--arg <value>', 'an argument behind the job’s own; may be given again').argParser(another))
    .addOption(
      new Option('-e, --env <name=value>', 'a variable over the job’s own; may be given again').argParser(variable),
    )
    .option('--dry-run', 'say what would run and where, and change nothing')
    .option('-w, --wait', 'wait for its end; the exit status is 1 unless it succeeded')
    .option('-f, --follow', 'wait, and show what it prints')
    .addOption(outputOption(['table', 'json', 'yaml']).helpGroup('With --dry-run:'))
    .action(action(trigger));
}

async function trigger(name: string, more: readonly string[], options: TriggerOptions): Promise<void> {
  const client = clientOf(options);
  const path = `${jobPath(jobOf(name, options))}/trigger`;
  const given = [...(options.arg ?? []), ...more];
  const body = {
    ...(options.at !== undefined && { at: options.at }),
    ...(options.in !== undefined && { delaySeconds: options.in }),
    ...(given.length > 0 && { arguments: given }),
    ...(options.env !== undefined && { env: options.env }),
    ...(options.dryRun && { dryRun: true }),
  };
  if (options.dryRun) {
    const plan = await client.post<DryRunView>(path, body);
    const { output } = options;
    return print(output === 'json' || output === 'yaml' ? formatOne(plan, output) : describePlan(plan, Date.now()));
  }
  const asked = await client.post<AskedRunView>(path, body);
  const runs = asked.runs ?? [asked];
  if (!options.wait && !options.follow) {
    const when = options.at === undefined && options.in === undefined ? '' : `, due ${asked.requestedAt}`;
    return print(runs.map(({ id }) => `run ${id} requested${when}\n`).join(''));
  }
  const ends = await Promise.allSettled(runs.map(run => waitFor(client, run, options)));
  for (const end of ends) if (end.status === 'rejected') fail(end.reason);
}

async function waitFor(client: Client, run: RunView, options: { follow?: true }): Promise<void> {
  const ended = await followRun(client, run.id, options.follow ? print : () => {});
  const result = runResult(ended);
  const line = `run ${ended.id} ${ended.state}${result === '-' ? '' : ` (${result})`}`;
  if (ended.state !== 'Succeeded') throw new CliError(line);
  // What the run printed has standard output for itself.
  if (options.follow) process.stderr.write(`${line}\n`);
  else print(`${line}\n`);
}

function describePlan(plan: DryRunView, now: number): string {
  const { concurrency, workers, waiting } = plan;
  const facts: [string, string][] = [
    ['Would', plan.message],
    ['Due', `${plan.dueAt} (${formatRelative(plan.dueAt, now)})`],
    ['Deadline', plan.deadline],
    ['Runs', plan.command === undefined ? JSON.stringify(plan.executor) : JSON.stringify(plan.command)],
    ...Object.entries(plan.env).map(([name, value]): [string, string] => ['Env', `${name}=${value}`]),
    ...plan.secretRefs.map((ref): [string, string] => ['Secret', ref.name]),
    ['Workers', workers.map(({ name, rank }) => `${name} (rank ${rank})`).join(', ') || 'none'],
    ['Concurrency', `${concurrency.policy}${concurrency.limit === undefined ? '' : `, ${concurrency.limit} at once`}`],
    ['Slot', concurrency.free ? 'free' : 'held'],
    ...concurrency.holders.map(({ run, worker }): [string, string] => ['Going', `${run} on ${worker}`]),
    ...waiting.map(({ run, trigger: kind }): [string, string] => ['Waiting', `${run} (${kind})`]),
  ];
  return facts.map(([label, value]) => `${`${label}:`.padEnd(13)}${printable(value)}\n`).join('');
}

function delay(value: string): number {
  const time = parseDuration(value);
  if (time === undefined) throw new InvalidArgumentError('must be a duration such as 90s, 10m or 1h30m.');
  return time / 1_000;
}

const another = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function variable(value: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be NAME=value.');
  return { ...before, [value.slice(0, at)]: value.slice(at + 1) };
}
