import { type Command, Option } from 'commander';
import { maxMembers } from '../../domain/job/spec/placement.ts';
import {
  action,
  type ClientOptions,
  calendarPath,
  clientCommand,
  clientOf,
  jobOf,
  jobPath,
  outputOption,
  print,
  wholeNumber,
} from '../command.ts';
import { CliError } from '../errors.ts';
import { chainTree } from '../output/chain.ts';
import { type Format, formatList, formatOne } from '../output/structured.ts';
import {
  backfillTable,
  calendarTable,
  freezeTable,
  jobTable,
  notificationTable,
  runTable,
  workerTable,
} from '../output/tables.ts';
import type {
  BackfillView,
  CalendarView,
  FreezeView,
  JobView,
  NotificationView,
  RunView,
  WorkerView,
} from '../views.ts';

interface GetOptions extends ClientOptions {
  readonly output: Format;
  readonly allNamespaces?: true;
  readonly selector?: string[];
  readonly search?: string;
  readonly job?: string;
  readonly chain?: string;
  readonly state?: string[];
  readonly worker?: string;
  readonly whole?: string;
  readonly since?: string;
  readonly limit?: number;
}

/**
 * `get jobs`, `get job NAME`, `get runs`, `get run ID`, `get workers`, `get notifications`, `get backfills`,
 * `get backfill ID`, `get freezes`.
 */
export function addGetCommand(program: Command): void {
  clientCommand(program, 'get')
    .description('list jobs, calendars, runs, workers, freezes, notifications or backfills, or show one')
    .argument(
      '<kind>',
      'jobs, calendars, runs, workers, freezes, notifications or backfills; or job, calendar, run, backfill',
    )
    .argument('[name]', 'of a job or calendar, or the id of a run or backfill')
    .addOption(outputOption())
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-l, --selector <labels...>', 'jobs that have these labels: key=value')
    .option('--search <text>', 'jobs with this in their name')
    .option('--job <name>', 'runs, notifications or backfills of this job')
    .option('--chain <run>', 'the runs of the chain that this run belongs to, as a tree')
    .addOption(
      new Option('--state <state...>', 'runs in these states').choices([
        'Pending',
        'Claimed',
        'Running',
        'Succeeded',
        'Failed',
        'TimedOut',
        'Killed',
        'Lost',
        'Skipped',
      ]),
    )
    .option('--worker <id>', 'runs on this worker')
    .option('--whole <id>', 'runs that one tick or request came to: a run’s id without its last number')
    .option('--since <instant>', 'runs due at or after it, as RFC 3339')
    .option(
      '--limit <count>',
      'at most so many (default: all jobs and calendars, 50 runs or backfills)',
      wholeNumber(1, 1_000_000),
    )
    .action(action(get));
}

async function get(kind: string, name: string | undefined, options: GetOptions): Promise<void> {
  switch (kind) {
    case 'job':
    case 'jobs':
      return name === undefined ? await getJobs(options) : await getJob(name, options);
    case 'calendar':
    case 'calendars':
      return name === undefined ? await getCalendars(options) : await getCalendar(name, options);
    case 'run':
    case 'runs':
      return name === undefined ? await getRuns(options) : await getRun(name, options);
    case 'worker':
    case 'workers':
      return await getWorkers(options);
    case 'freeze':
    case 'freezes':
      return await getFreezes(options);
    case 'notification':
    case 'notifications':
      return await getNotifications(options);
    case 'backfill':
    case 'backfills':
      return name === undefined ? await getBackfills(options) : await getBackfill(name, options);
    default:
      throw new CliError(
        `there is nothing of the kind ${JSON.stringify(kind)}: get jobs, calendars, runs, workers, freezes, notifications or backfills`,
        { status: 2 },
      );
  }
}

async function getJobs(options: GetOptions): Promise<void> {
  const { allNamespaces, namespace = 'default', selector, search, limit } = options;
  const path = allNamespaces ? '/api/v1/jobs' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/jobs`;
  const jobs = await clientOf(options).list<JobView>(path, { label: selector, search }, limit);
  show(jobs, options, () => jobTable(jobs, { wide: options.output === 'wide', now: Date.now() }));
}

async function getJob(name: string, options: GetOptions): Promise<void> {
  const job = await clientOf(options).get<JobView>(jobPath(jobOf(name, options)));
  showOne(job, options, () => jobTable([job], { wide: options.output === 'wide', now: Date.now() }));
}

async function getCalendars(options: GetOptions): Promise<void> {
  const { allNamespaces, namespace = 'default', limit } = options;
  const path = allNamespaces ? '/api/v1/calendars' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/calendars`;
  const calendars = await clientOf(options).list<CalendarView>(path, {}, limit);
  show(calendars, options, () => calendarTable(calendars, { wide: options.output === 'wide', now: Date.now() }));
}

async function getCalendar(name: string, options: GetOptions): Promise<void> {
  const calendar = await clientOf(options).get<CalendarView>(calendarPath(jobOf(name, options)));
  showOne(calendar, options, () => calendarTable([calendar], { wide: options.output === 'wide', now: Date.now() }));
}

async function getRuns(options: GetOptions): Promise<void> {
  if (options.chain !== undefined) return await getChain(options.chain, options);
  const job = options.job === undefined ? undefined : jobOf(options.job, options);
  const everywhere = options.allNamespaces || options.whole !== undefined;
  const namespace = job?.namespace ?? options.namespace ?? (everywhere ? undefined : 'default');
  const { state, worker, whole, since } = options;
  const query = { namespace, job: job?.name, state, worker, whole, since };
  const runs = await clientOf(options).list<RunView>(
    '/api/v1/runs',
    query,
    options.limit ?? (whole === undefined ? 50 : maxMembers),
  );
  show(runs, options, () => runTable(runs, { wide: options.output === 'wide', now: Date.now() }));
}

async function getChain(id: string, options: GetOptions): Promise<void> {
  const { items } = await clientOf(options).get<{ items: RunView[] }>(`/api/v1/runs/${encodeURIComponent(id)}/chain`);
  show(items, options, () => chainTree(items, Date.now()));
}

async function getRun(id: string, options: GetOptions): Promise<void> {
  const run = await clientOf(options).get<RunView>(`/api/v1/runs/${encodeURIComponent(id)}`);
  showOne(run, options, () => runTable([run], { wide: options.output === 'wide', now: Date.now() }));
}

async function getBackfills(options: GetOptions): Promise<void> {
  const job = options.job === undefined ? undefined : jobOf(options.job, options);
  const namespace = job?.namespace ?? (options.allNamespaces ? undefined : (options.namespace ?? 'default'));
  const query = { namespace, job: job?.name };
  const backfills = await clientOf(options).list<BackfillView>('/api/v1/backfills', query, options.limit ?? 50);
  show(backfills, options, () => backfillTable(backfills, { now: Date.now() }));
}

async function getBackfill(id: string, options: GetOptions): Promise<void> {
  const backfill = await clientOf(options).get<BackfillView>(`/api/v1/backfills/${encodeURIComponent(id)}`);
  showOne(backfill, options, () => backfillTable([backfill], { now: Date.now() }));
}

async function getWorkers(options: GetOptions): Promise<void> {
  const { items } = await clientOf(options).get<{ items: WorkerView[] }>('/api/v1/workers');
  show(items, options, () => workerTable(items, { wide: options.output === 'wide' }));
}

/** Of one namespace where it is named; those of everything concern it as well. */
async function getFreezes(options: GetOptions): Promise<void> {
  const { namespace } = options;
  const path =
    namespace === undefined ? '/api/v1/freeze' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/freeze`;
  const { items } = await clientOf(options).get<{ items: FreezeView[] }>(path);
  show(items, options, () => freezeTable(items));
}

async function getNotifications(options: GetOptions): Promise<void> {
  const job = options.job === undefined ? undefined : jobOf(options.job, options);
  const namespace = job?.namespace ?? (options.allNamespaces ? undefined : (options.namespace ?? 'default'));
  const query = { namespace, job: job?.name, limit: String(options.limit ?? 50) };
  const path = '/api/v1/notifications';
  const { items } = await clientOf(options).get<{ items: NotificationView[] }>(path, query);
  show(items, options, () => notificationTable(items));
}

function show(items: readonly unknown[], { output }: GetOptions, table: () => string): void {
  if (output === 'json' || output === 'yaml') print(formatList(items, output));
  else if (items.length === 0) process.stderr.write('nothing found\n');
  else print(table());
}

function showOne(item: unknown, { output }: GetOptions, table: () => string): void {
  print(output === 'json' || output === 'yaml' ? formatOne(item, output) : table());
}
