import type { Coordinator, Entry } from '../../coordination/coordinator.ts';
import { isHeld } from '../../coordination/handover.ts';
import { prefix } from '../../coordination/keys.ts';
import { exclusiveLock } from '../../coordination/locks.ts';
import { decode, type LockRecord, type TriggerRecord } from '../../coordination/records.ts';
import { CronmeshError } from '../../domain/errors.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import { executorKind, type JobSpec, type SecretRef } from '../../domain/job/spec.ts';
import { isSpread } from '../../domain/policy/members.ts';
import { bucketOf, lastRank, RankTable } from '../../domain/policy/ranks.ts';
import { shellCommand } from '../../domain/run/command.ts';
import { checkFits, type RunRequest } from '../../domain/run/request.ts';
import { manualRunId, type RunId, type WorkerId } from '../../domain/run/run.ts';
import type { Clock, Instant } from '../../domain/time.ts';
import type { WorkerDirectory } from './workers.ts';

/** What would run, and where, if it were asked for now. */
export interface DryRun {
  /** All of it in one sentence, for people. */
  readonly message: string;
  /** A run's id: the real one will be another, and may rank the workers otherwise. */
  readonly run: RunId;
  readonly revision: number;
  readonly dueAt: Instant;
  /** Not started after it. */
  readonly deadline: Instant;
  readonly timeoutSeconds: number;
  readonly executor: JobSpec['executor'];
  /** Of a shell job: the program and its arguments; `script` stands for the file of a script. */
  readonly command?: readonly string[];
  readonly arguments: readonly string[];
  /** The job's, with the request's over it, and what is known of the run's. */
  readonly env: Readonly<Record<string, string>>;
  readonly secretRefs: readonly SecretRef[];
  /** Ready and eligible ones, in the order in which they look at it. */
  readonly workers: readonly { readonly id: WorkerId; readonly name: string; readonly rank: number }[];
  readonly concurrency: {
    readonly policy: string;
    /** Runs at once; absent: any number. */
    readonly limit?: number;
    readonly free: boolean;
    readonly holders: readonly { readonly run: RunId; readonly slot: string; readonly worker: WorkerId }[];
  };
  /** Requests of the job that wait in Consul. */
  readonly waiting: readonly { readonly run: RunId; readonly trigger: string; readonly requestedAt: Instant }[];
}

export interface DryRunsDependencies {
  readonly coordinator: Pick<Coordinator, 'get' | 'list'>;
  readonly workers: Pick<WorkerDirectory, 'current' | 'eligible'>;
  readonly clock: Clock;
  readonly randomText: (count: number) => string;
}

/** Answers what a run that is asked for would come to. Only reads. */
export class DryRuns {
  readonly #deps: DryRunsDependencies;

  constructor(deps: DryRunsDependencies) {
    this.#deps = deps;
  }

  /** @throws CronmeshError NotApplicable, Unavailable while Consul does not answer */
  async plan(job: Job, wanted: RunRequest): Promise<DryRun> {
    checkFits(job.spec, wanted);
    const { workers: directory, clock, randomText } = this.#deps;
    if (!directory.current) throw consulAway();
    const { spec } = job;
    const { arguments: added = [], env = {} } = wanted.particulars ?? {};
    const run = manualRunId(job.uid, randomText(10));
    const dueAt = wanted.dueAt ?? clock();
    const [locks, triggers] = await this.#read(job);
    const workers = rank(directory.eligible(spec), bucketOf(job.uid, run));
    const concurrency = concurrencyOf(spec, locks);
    const plan = {
      run,
      revision: job.revision,
      dueAt,
      deadline: dueAt + spec.startingDeadlineSeconds * 1_000,
      timeoutSeconds: spec.timeoutSeconds,
      executor: spec.executor,
      ...(spec.executor.shell !== undefined && { command: shellCommand(spec.executor.shell, added) }),
      arguments: added,
      env: {
        ...spec.executor.shell?.env,
        ...env,
        CRONMESH_NAMESPACE: job.namespace,
        CRONMESH_JOB: job.name,
        CRONMESH_RUN: run,
        CRONMESH_ATTEMPT: '1',
      },
      secretRefs: spec.secretRefs ?? [],
      workers,
      concurrency,
      waiting: triggers.map(({ run: id, kind, requestedAt }) => ({ run: id, trigger: kind, requestedAt })),
    };
    return { ...plan, message: messageOf(spec, plan) };
  }

  async #read(job: Job): Promise<readonly [readonly Lock[], readonly TriggerRecord[]]> {
    const { coordinator } = this.#deps;
    const key = jobKey(job);
    try {
      const group = job.spec.concurrencyGroup === undefined ? undefined : exclusiveLock(key, job.spec);
      const [locks, triggers] = await Promise.all([
        group === undefined
          ? coordinator.list(`${prefix.lock}${key}/`, { consistent: true })
          : coordinator.get(group, { consistent: true }).then(lock => (lock === undefined ? [] : [lock])),
        coordinator.list(`${prefix.trigger}${key}/`, { consistent: true }),
      ]);
      return [locks.flatMap(lockOf), triggers.map(entry => decode<TriggerRecord>(entry))];
    } catch (error) {
      throw consulAway(error);
    }
  }
}

type Lock = DryRun['concurrency']['holders'][number];

function lockOf(entry: Entry): readonly Lock[] {
  const record = decode<LockRecord>(entry);
  if (!isHeld({ session: entry.session, record })) return [];
  return [{ run: record.run, slot: entry.key.slice(entry.key.lastIndexOf('/') + 1), worker: record.worker }];
}

function rank(
  eligible: readonly { readonly id: WorkerId; readonly name: string }[],
  bucket: number,
): DryRun['workers'] {
  const table = RankTable.build(eligible.map(({ id }) => id));
  return eligible
    .map(({ id, name }) => ({ id, name, rank: table.rankOf(id, bucket) ?? lastRank }))
    .toSorted((a, b) => a.rank - b.rank);
}

function concurrencyOf(spec: JobSpec, holders: readonly Lock[]): DryRun['concurrency'] {
  const { concurrencyPolicy: policy, maxConcurrentRuns } = spec;
  // Where a request comes to several runs, Forbid keeps whole from whole.
  const spread = isSpread(spec.placement);
  const limit = spread ? undefined : policy === 'Allow' ? maxConcurrentRuns : 1;
  const free = spread ? policy === 'Allow' || holders.length === 0 : limit === undefined || holders.length < limit;
  return { policy, ...(limit !== undefined && { limit }), free, holders };
}

function messageOf(spec: JobSpec, { workers, concurrency }: Pick<DryRun, 'workers' | 'concurrency'>): string {
  const { mode, shards } = spec.placement;
  const count = mode === 'Shards' ? shards : mode === 'All' ? workers.length : 1;
  const what = count === 1 ? `a ${executorKind(spec)} run` : `${count} ${executorKind(spec)} runs`;
  const [first] = workers;
  if (first === undefined) return `${what} would wait: no ready worker has its labels and executor`;
  if (concurrency.free) {
    const where =
      mode === 'One'
        ? `on ${first.name}`
        : mode === 'All'
          ? 'one on each ready worker'
          : 'spread over the ready workers';
    return `${what} would start ${where}, were it due now`;
  }
  const runs = concurrency.holders.map(({ run }) => run).join(', ');
  return `${what} would wait: ${concurrency.policy} allows ${concurrency.limit ?? 'no other'} at once, and ${runs} is going`;
}

function consulAway(cause?: unknown): CronmeshError {
  const message = 'Consul does not answer: which workers there are, and what is going, is not known now';
  return new CronmeshError('Unavailable', message, { retryable: true, cause });
}
