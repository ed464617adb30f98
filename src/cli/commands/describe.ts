import type { Command } from 'commander';
import { dump } from 'js-yaml';
import { defaultQueuedRuns } from '../../domain/job/spec.ts';
import type { Instant } from '../../domain/time.ts';
import type { Client } from '../client.ts';
import {
  action,
  type ClientOptions,
  calendarPath,
  clientCommand,
  clientOf,
  jobOf,
  jobPath,
  print,
} from '../command.ts';
import { ApiError, CliError } from '../errors.ts';
import { chainTree } from '../output/chain.ts';
import { formatLabels, formatRelative, runDuration, runProgress, runResult, runState } from '../output/format.ts';
import { printable } from '../output/table.ts';
import { runTable, skipTable, waitingTable } from '../output/tables.ts';
import type {
  BackfillView,
  CalendarView,
  ChainLinksView,
  ChainLinkView,
  JobView,
  Page,
  RunView,
  SkipView,
  TicksView,
  WaitingView,
  WhyView,
} from '../views.ts';

/**
 * `describe job NAME`: its definition, next ticks, last runs, and why ticks did not run; with `--at`, one line on one tick.
 * `describe run ID`: what became of it, and the chain that it belongs to. `describe backfill ID`: how far it came.
 */
export function addDescribeCommand(program: Command): void {
  clientCommand(program, 'describe')
    .description(
      'show everything about a job (definition, next ticks, last runs, recent skips), a run and its chain, a backfill, or a calendar and who names it',
    )
    .argument('<kind>', 'job, run, backfill or calendar')
    .argument('<name>', 'a name, or namespace/name; the id of a run or backfill')
    .option(
      '--at <time>',
      'say in one line why it did, or did not, run then: RFC 3339, or 03:00 or "2026-11-24 03:00" in the job’s zone',
    )
    .action(
      action(async (kind: string, name: string, options: ClientOptions & { at?: string }) => {
        if (/^calendars?$/.test(kind)) {
          if (options.at !== undefined)
            throw new CliError('--at is for jobs: describe job NAME --at TIME', { status: 2 });
          const calendar = await clientOf(options).get<CalendarView>(calendarPath(jobOf(name, options)));
          return print(describeCalendar(calendar, Date.now()));
        }
        const client = clientOf(options);
        if (/^runs?$/.test(kind)) return print(await describeRun(client, name, Date.now()));
        if (/^backfills?$/.test(kind)) {
          const backfill = await client.get<BackfillView>(`/api/v1/backfills/${encodeURIComponent(name)}`);
          return print(describeBackfill(backfill, Date.now()));
        }
        if (!/^jobs?$/.test(kind)) {
          const use = 'describe job NAME, calendar NAME, run ID or backfill ID';
          throw new CliError(`${JSON.stringify(kind)} cannot be described: ${use}`, { status: 2 });
        }
        const path = jobPath(jobOf(name, options));
        if (options.at !== undefined) {
          const { message } = await client.get<WhyView>(`${path}/why`, { at: options.at });
          return print(`${printable(message)}\n`);
        }
        const [job, chain, ticks, runs, skips, waiting] = await Promise.all([
          client.get<JobView>(path),
          client.get<ChainLinksView>(`${path}/chain`),
          client.get<TicksView>(`${path}/next`, { count: 5, excluded: 'true' }),
          client.get<Page<RunView>>(`${path}/runs`, { limit: 5 }),
          client.get<Page<SkipView>>(`${path}/skips`, { limit: 10 }),
          waitingRuns(client, path),
        ]);
        print(describeJob(job, chain, ticks, runs.items, skips.items, waiting, Date.now()));
      }),
    );
}

function describeJob(
  job: JobView,
  chain: ChainLinksView,
  ticks: TicksView,
  runs: readonly RunView[],
  skips: readonly SkipView[],
  waiting: readonly WaitingView[] | undefined,
  now: Instant,
): string {
  const { metadata, spec, status } = job;
  const { paused } = status;
  const facts: [string, string][] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', formatLabels(metadata.labels)],
    ['Uid', metadata.uid],
    ['Revision', `${metadata.revision}, changed ${formatRelative(status.updatedAt, now)}`],
    ['Created', `${metadata.creationTimestamp}, from ${status.source}`],
    ['Schedule', `${spec.schedule} (${ticks.timeZone})`],
    ['Concurrency', concurrencyOf(spec)],
    ['Suspended', spec.suspend ? 'yes' : 'no'],
    ...(paused === undefined ? [] : [['Paused', `since ${paused.at}: ${paused.detail}`] satisfies [string, string]]),
    ['Fires after', status.floor],
    ...(status.eligibleWorkers === undefined
      ? []
      : [['Workers', workersOf(status.eligibleWorkers)] as [string, string]]),
  ];
  const problems = status.problems ?? [];
  const next = ticks.items.map(tick => `${tick}  ${formatRelative(tick, now)}`);
  return [
    factLines(facts),
    ...(problems.length > 0 ? [section('Problems', indent(`${problems.map(printable).join('\n')}\n`))] : []),
    section('Spec', indent(dump(spec, { noRefs: true, lineWidth: -1 }))),
    chain.upstreams.length === 0 ? '' : section('Comes after', indent(lines(chain.upstreams.map(upstreamLine)))),
    chain.downstreams.length === 0 ? '' : section('Then', indent(lines(chain.downstreams.map(downstreamLine)))),
    section(
      'Next ticks',
      next.length > 0 ? indent(`${next.join('\n')}\n`) : none(paused ? 'paused' : ticks.suspended ? 'suspended' : ''),
    ),
    ...leftOut(ticks),
    section('Waiting runs', waitingText(waiting, now)),
    section('Last runs', runs.length > 0 ? indent(runTable(runs, { wide: true, now })) : none('')),
    section('Ticks without a run', skips.length > 0 ? indent(skipTable(skips)) : none('')),
  ].join('');
}

/** What may go at once, and what waits. */
function concurrencyOf(spec: JobView['spec']): string {
  const { concurrencyPolicy = 'Allow', maxConcurrentRuns, maxQueuedRuns, concurrencyGroup } = spec;
  return [
    concurrencyPolicy,
    ...(maxConcurrentRuns === undefined ? [] : [`at most ${maxConcurrentRuns} at once`]),
    ...(concurrencyPolicy === 'Queue' ? [`at most ${maxQueuedRuns ?? defaultQueuedRuns} wait`] : []),
    ...(concurrencyGroup === undefined ? [] : [`group ${concurrencyGroup}`]),
  ].join(', ');
}

/** Undefined while nobody can tell: the rest is shown all the same. */
async function waitingRuns(client: Client, path: string): Promise<readonly WaitingView[] | undefined> {
  try {
    return (await client.get<Page<WaitingView>>(`${path}/waiting`)).items;
  } catch (error) {
    if (error instanceof ApiError && error.httpStatus === 503) return undefined;
    throw error;
  }
}

function waitingText(waiting: readonly WaitingView[] | undefined, now: Instant): string {
  if (waiting === undefined) return '  not known: Consul does not answer\n';
  return waiting.length > 0 ? indent(waitingTable(waiting, { now })) : none('');
}

/** Nothing where nothing falls out. */
function leftOut({ excluded = [] }: TicksView): readonly string[] {
  if (excluded.length === 0) return [];
  const lines = excluded.map(({ at, reason }) => `${at}  ${printable(reason)}\n`);
  return [section('Fall out', indent(lines.join('')))];
}

function describeCalendar({ metadata, spec, status }: CalendarView, now: Instant): string {
  const facts: [string, string][] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', formatLabels(metadata.labels)],
    ['Annotations', formatLabels(metadata.annotations)],
    ['Revision', `${metadata.revision}, changed ${formatRelative(status.updatedAt, now)}`],
    ['Created', metadata.creationTimestamp],
    ['Named by', status.usedBy?.join(', ') || 'no job'],
  ];
  return [factLines(facts), section('Spec', indent(dump(spec, { noRefs: true, lineWidth: -1 })))].join('');
}

function describeBackfill(backfill: BackfillView, now: Instant): string {
  const { running, succeeded, failed, skipped, leftOut, message } = backfill;
  const facts: [string, string][] = [
    ['Id', backfill.id],
    ['Job', `${backfill.namespace}/${backfill.name}`],
    ['Range', `${backfill.from} to ${backfill.to}, by ${backfill.schedule}`],
    ['Order', `${backfill.order}, ${backfill.parallelism} at a time`],
    ['Ticks', `${backfill.onlyMissing ? 'those without a run' : 'all'}, ${backfill.total} in the range`],
    ['State', `${backfill.state}${message === undefined ? '' : `: ${message}`}`],
    ['Asked', formatRelative(backfill.requestedAt, now)],
    ['Finished', formatRelative(backfill.finishedAt, now)],
    ['Done', `${backfill.done} of ${backfill.total}`],
    ['Runs', `${running} running, ${succeeded} succeeded, ${failed} failed, ${skipped} skipped`],
    ['Left out', `${leftOut} had a run already`],
    ['Next tick', backfill.nextTick ?? '-'],
  ];
  return facts.map(([label, value]) => `${`${label}:`.padEnd(13)}${printable(value)}\n`).join('');
}

const factLines = (facts: readonly [string, string][]): string =>
  facts.map(([label, value]) => `${`${label}:`.padEnd(13)}${printable(value)}\n`).join('');
const workersOf = (count: number): string => (count === 0 ? 'none is eligible: it waits for one' : `${count} eligible`);
/** `extract on Success: ended as Succeeded at …, waits for the others`. */
function upstreamLine({ job, outcome, exists, arrived }: ChainLinkView): string {
  if (!exists) return `${job} on ${outcome}: missing, there is no such job`;
  if (arrived === undefined) return `${job} on ${outcome}: not ended since the last run`;
  return `${job} on ${outcome}: ${arrived.run} ended as ${arrived.state} at ${arrived.at}, and waits for the others`;
}

const downstreamLine = ({ job, outcome }: ChainLinkView): string => `${job} on ${outcome}`;
const lines = (all: readonly string[]): string => all.map(line => `${printable(line)}\n`).join('');

async function describeRun(client: Client, id: string, now: Instant): Promise<string> {
  const path = `/api/v1/runs/${encodeURIComponent(id)}`;
  const [run, { items }] = await Promise.all([
    client.get<RunView>(path),
    client.get<{ items: RunView[] }>(`${path}/chain`),
  ]);
  const facts: [string, string][] = [
    ['Id', run.id],
    ['Job', `${run.namespace}/${run.name}`],
    ['Trigger', run.trigger],
    ['Tick', run.tick ?? '-'],
    ['State', runState(run, now)],
    ['Progress', runProgress(run)],
    ['Attempt', String(run.attempt)],
    ['Worker', run.worker ?? '-'],
    ['Requested', run.requestedAt],
    ['Started', run.startedAt ?? '-'],
    ['Finished', run.finishedAt ?? '-'],
    ['Took', runDuration(run, now)],
    ['Result', runResult(run)],
    ...(run.reason === undefined ? [] : [['Reason', run.reason] as [string, string]]),
  ];
  return `${factLines(facts)}${items.length > 1 ? section('Chain', indent(chainTree(items, now))) : ''}`;
}

const section = (title: string, body: string): string => `${title}:\n${body}`;
const none = (why: string): string => `  none${why === '' ? '' : ` (${why})`}\n`;
const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ');
