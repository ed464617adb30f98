import { setTimeout as delay } from 'node:timers/promises';
import { CoordinationError, type Coordinator, type Entry, type Operation } from '../../coordination/coordinator.ts';
import { askForAdoption, isOutliving, letGo } from '../../coordination/handover.ts';
import { lostPath, prefix, triggerPath } from '../../coordination/keys.ts';
import { jobOfLock } from '../../coordination/locks.ts';
import { decode, encode, type LockRecord, type LostRecord, type TriggerRecord } from '../../coordination/records.ts';
import { backoffDelay, defaultBackoff } from '../../domain/backoff.ts';
import type { WorkerId } from '../../domain/run/run.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { AttemptId } from './attempt.ts';
import type { AttemptStatus } from './supervisor.ts';

/** What a dead worker leaves to its supervisor. */
export interface Estate {
  readonly worker: string;
  readonly session: string | undefined;
  /** Without it nothing can be handed back: what was never spawned is lost. */
  readonly epoch: number | undefined;
  readonly serviceId?: string;
  /** Attempts that ended at or before it may be missing from what `status` knows. */
  readonly forgottenUntil: Instant | undefined;
  status(id: AttemptId): AttemptStatus;
}

export interface HandoverOptions {
  readonly logger: Logger;
  /** How long Consul may be away. Default 60 s. */
  readonly patience?: Milliseconds;
  readonly now?: () => Instant;
}

/** Between two looks at the locks. */
const lookEvery: Milliseconds = 50;
/** Four operations for each lock, of the 128 that a transaction may have. */
const locksPerTransaction = 32;

/**
 * Puts a dead worker's affairs in order: what was never spawned is handed back as a trigger for the same run and
 * attempt, what goes on without a worker is handed over, and what else was spawned is noted as lost once its processes
 * are gone, each in the transaction that releases its lock; then the session is destroyed and the service deregistered.
 * Each step may be carried out twice.
 *
 * @returns whether all of it was done: false when Consul stayed away
 */
export async function handOver(
  coordinator: Coordinator,
  estate: Estate,
  { logger, patience = 60_000, now = Date.now }: HandoverOptions,
): Promise<boolean> {
  const until = performance.now() + patience;
  const steps = [
    () => releaseLocks(coordinator, estate, until, now, logger),
    async () => estate.session !== undefined && ignoringUnknown(coordinator.destroySession(estate.session)),
    async () => estate.serviceId !== undefined && ignoringUnknown(coordinator.deregister(estate.serviceId)),
  ];
  for (const step of steps) {
    for (let attempt = 0; ; attempt++) {
      try {
        await step();
        break;
      } catch (error) {
        const wait = backoffDelay(defaultBackoff, attempt, Math.random());
        if (performance.now() + wait >= until) {
          logger.error({ err: error }, 'Consul stayed away: the session and its locks are left to their time-outs');
          return false;
        }
        await delay(wait);
      }
    }
  }
  return true;
}

/** Looks again until no lock is left: attempts end meanwhile, and a claim on its way may still have been committed. */
async function releaseLocks(
  coordinator: Coordinator,
  estate: Estate,
  until: number,
  now: () => Instant,
  log: Logger,
): Promise<void> {
  const handedOver = new Set<string>();
  while (performance.now() < until) {
    const locks = (await coordinator.list(prefix.lock, { consistent: true }))
      .flatMap(entry => ownLock(entry, estate))
      .filter(({ entry }) => !handedOver.has(entry.key));
    if (locks.length === 0) return;
    const free = locks.filter(({ record }) => estate.status(record) !== 'running');
    for (let i = 0; i < free.length; i += locksPerTransaction) {
      await releaseAll(coordinator, free.slice(i, i + locksPerTransaction), estate, now, log);
    }
    // Such a lock stays, without a session, for whoever adopts its run.
    for (const { entry, record } of free) if (isOutliving(record)) handedOver.add(entry.key);
    await delay(lookEvery);
  }
  throw new Error('some locks could not be released');
}

interface OwnLock {
  readonly entry: Entry;
  readonly record: LockRecord;
}

/** The worker's locks: held by its session, or orphaned already since the session ended before this process came to it. */
function ownLock(entry: Entry, estate: Estate): readonly OwnLock[] {
  if (entry.session !== undefined && entry.session !== estate.session) return [];
  try {
    const record = decode<LockRecord>(entry);
    return entry.session !== undefined || record.worker === estate.worker ? [{ entry, record }] : [];
  } catch {
    // Not written by a worker of this version: left to the session's end.
    return [];
  }
}

async function releaseAll(
  coordinator: Coordinator,
  locks: readonly OwnLock[],
  estate: Estate,
  now: () => Instant,
  log: Logger,
): Promise<void> {
  const groups = locks.map(lock => releaseOperations(lock, estate, now()));
  const result = await coordinator.transact(groups.flat());
  if (result.ok) {
    for (const { record } of locks) log.info({ run: record.run, attempt: record.attempt }, 'released a lock');
    return;
  }
  // One that somebody else has taken or handed back in the meantime must not hold up the others.
  const [only] = locks;
  if (locks.length > 1) for (const lock of locks) await releaseAll(coordinator, [lock], estate, now, log);
  else if (only) {
    const rest = goesOn(only, estate) ? letGoOf(only) : unlockOperations(only, estate);
    if (rest.length > 0) await coordinator.transact(rest);
  }
}

/** Whether the run goes on, or may go on, without its worker: it is adopted, and never started again. */
function goesOn({ record }: OwnLock, estate: Estate): boolean {
  return record.outlives !== undefined && (record.outlives.handovers > 0 || mayHaveBeenSpawned(record, estate));
}

function mayHaveBeenSpawned(record: LockRecord, estate: Estate): boolean {
  return (
    estate.status(record) !== 'never-spawned' ||
    (estate.forgottenUntil !== undefined && (record.tick === undefined || record.tick <= estate.forgottenUntil))
  );
}

function letGoOf({ entry }: OwnLock): readonly Operation[] {
  return entry.session === undefined ? [] : letGo(entry, entry.session);
}

function releaseOperations(lock: OwnLock, estate: Estate, now: Instant): readonly Operation[] {
  const { entry, record } = lock;
  const job = jobOfLock(entry.key, record);
  if (isOutliving(record) && goesOn(lock, estate)) {
    const by = `handed over by the supervisor of ${estate.worker}`;
    // Without a session it was let go of before: whoever has adopted the run since moved its lock.
    const { key, index } = entry;
    const lettingGo = entry.session === undefined ? [{ verb: 'check-index', key, index } as const] : letGoOf(lock);
    return [...lettingGo, askForAdoption(key, record, by, now)];
  }
  if (mayHaveBeenSpawned(record, estate) || now >= record.deadline || estate.epoch === undefined) {
    const { run, particulars } = record;
    const foundBy = estate.worker as WorkerId;
    const lost: LostRecord = { v: 1, run, job, foundBy, at: now, ...(particulars !== undefined && { particulars }) };
    return [{ verb: 'set', key: lostPath(record.run), value: encode(lost) }, ...unlockOperations(lock, estate)];
  }
  const trigger: TriggerRecord = {
    v: 1,
    run: record.run,
    attempt: record.attempt,
    jobUid: record.jobUid,
    kind: record.trigger,
    ...(record.tick !== undefined && { tick: record.tick }),
    ...(record.dueAt !== undefined && { dueAt: record.dueAt }),
    ...(record.particulars !== undefined && { particulars: record.particulars }),
    deadline: record.deadline,
    requestedAt: now,
    epoch: estate.epoch,
    by: `handed back by ${estate.worker}`,
  };
  return [
    { verb: 'cas', key: triggerPath(job, record.run), value: encode(trigger), index: 0 },
    ...unlockOperations(lock, estate),
  ];
}

/** Fails as a whole when the lock is no longer as it was seen. */
function unlockOperations({ entry }: OwnLock, estate: Estate): readonly Operation[] {
  const { key, value, index } = entry;
  // A `delete-cas` holds where there is no key any more, too: what somebody else has settled would be handed back.
  const asSeen = { verb: 'check-index', key, index } as const;
  if (entry.session === undefined || estate.session === undefined) return [asSeen, { verb: 'delete', key }];
  return [asSeen, { verb: 'unlock', key, value, session: estate.session }, { verb: 'delete', key }];
}

/** A session or service that is gone already is what was wanted. */
async function ignoringUnknown(call: Promise<void>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(error instanceof CoordinationError) || error.status !== 404) throw error;
  });
}
