import type { Index, Operation, SessionId } from '../../coordination/coordinator.ts';
import { adoptableUntil } from '../../coordination/handover.ts';
import { isGroupLock } from '../../coordination/keys.ts';
import type { Adoption, LockRecord, Outliving } from '../../coordination/records.ts';
import { splitJobKey } from '../../domain/job/job.ts';
import type { Selector } from '../../domain/job/spec.ts';
import type { RunReference } from '../../domain/run/report.ts';
import {
  fencingToken,
  type Member,
  type RunId,
  type RunParticulars,
  type TriggerKind,
  type WorkerId,
} from '../../domain/run/run.ts';
import { formatInstant, type Instant } from '../../domain/time.ts';
import { traceparent } from '../../observability/trace-context.ts';
import { isExclusive, type JobEntry, runSpecOf } from '../agenda/entry.ts';
import type { StartRequest } from '../supervisor/protocol.ts';

/** A run that a claim is made for. */
export interface RunClaim {
  readonly entry: JobEntry;
  readonly run: RunId;
  readonly attempt: number;
  readonly trigger: TriggerKind;
  readonly tick: Instant | undefined;
  readonly dueAt?: Instant | undefined;
  readonly particulars?: RunParticulars | undefined;
  readonly lockKey: string;
  /** That the lock is as it was seen: see `asSeen`. */
  readonly guard?: Operation | undefined;
  /** What else is decided with it: the triggers that it replaces. */
  readonly marks?: readonly Operation[] | undefined;
  /** Not started after it. */
  readonly deadline: Instant;
  /** The run goes on already, and is adopted. */
  readonly adopts?: Adoption | undefined;
}

/** A run whose lock this worker holds. */
export interface HeldRun extends RunClaim {
  readonly session: SessionId;
  readonly token: string;
  /** Of the lock's key: what was written by this claim is told from what a later one writes. */
  readonly index: Index;
  /** When the lock was taken, at the latest; of an adopted run, by the worker that began it. */
  readonly since: Instant;
  /** When its process began, as far as this worker knows. */
  startedAt?: Instant;
  /** When its process ended; undefined while it runs, or when it was never started. */
  endedAt?: Instant;
}

export function holdRun(
  claim: RunClaim,
  held: { readonly session: SessionId; readonly epoch: number; readonly index: Index; readonly since: Instant },
): HeldRun {
  const { session, epoch, index, since } = held;
  return { ...claim, session, token: fencingToken(epoch, index), index, since: claim.adopts?.since ?? since };
}

/** What the claim writes into the lock, which it takes at `since`. */
export function lockRecord(claim: RunClaim, worker: WorkerId, since: Instant): LockRecord {
  const { entry, run, attempt, trigger, tick, dueAt, particulars, deadline, lockKey } = claim;
  return {
    v: 1,
    ...(isGroupLock(lockKey) && { job: entry.key }),
    run,
    attempt,
    worker,
    jobUid: entry.uid,
    trigger,
    ...(tick !== undefined && { tick }),
    ...(dueAt !== undefined && { dueAt }),
    ...(particulars !== undefined && { particulars }),
    deadline,
    ...(entry.outlivesWorker && { outlives: outliving(claim, since) }),
  };
}

/** A run that is adopted keeps what it was given at first: its end is its trigger's deadline. */
function outliving({ entry, deadline, adopts }: RunClaim, since: Instant): Outliving {
  if (adopts !== undefined) {
    const { lock: _lock, ...rest } = adopts;
    return { ...rest, until: deadline };
  }
  const { selector } = entry.eligibility.sample.placement;
  return {
    handovers: 0,
    since,
    until: adoptableUntil(deadline, runSpecOf(entry).timeoutSeconds * 1_000),
    revision: entry.revision,
    ...(isChoosy(selector) && { selector }),
  };
}

function isChoosy({ matchLabels, matchExpressions = [] }: Selector): boolean {
  return Object.keys(matchLabels).length + matchExpressions.length > 0;
}

export function referenceOf(claim: RunClaim): RunReference {
  return {
    run: claim.run,
    attempt: claim.attempt,
    jobUid: claim.entry.uid,
    ...splitJobKey(claim.entry.key),
    ...(claim.tick !== undefined && { tick: claim.tick }),
    trigger: claim.trigger,
    ...(claim.particulars?.member !== undefined && { member: claim.particulars.member }),
  };
}

/** A shard is told which it is; a member of All is told its worker as any run is. */
function shardVariables(member: Member | undefined): Readonly<Record<string, string>> {
  if (member === undefined || member.worker !== undefined) return {};
  return { CRONMESH_SHARD: String(member.index), CRONMESH_SHARDS: String(member.count) };
}

/**
 * What the supervisor is asked for.
 *
 * @param callbackUrl of an asynchronous run
 */
export function startRequestOf(held: HeldRun, worker: WorkerId, callbackUrl?: string): StartRequest {
  const { entry } = held;
  const spec = runSpecOf(entry);
  const { namespace, name } = splitJobKey(entry.key);
  return {
    job: { namespace, name, uid: entry.uid },
    run: held.run,
    attempt: held.attempt,
    // What goes on without its worker is let go of with the lease, whatever its policy: another follows it then.
    exclusive: isExclusive(entry) || entry.outlivesWorker,
    lockKey: held.lockKey,
    handovers: held.adopts?.handovers ?? 0,
    ...(entry.slots !== undefined && { atOnce: entry.slots }),
    ...(spec.secretRefs !== undefined && held.adopts === undefined && { secretRefs: spec.secretRefs }),
    ...(spec.resource !== undefined && { resource: spec.resource }),
    ...(held.particulars !== undefined && { particulars: held.particulars }),
    executor: spec.executor,
    ...(callbackUrl !== undefined && { callbackUrl }),
    timeout: spec.timeoutSeconds * 1_000,
    grace: spec.terminationGraceSeconds * 1_000,
    env: {
      CRONMESH_NAMESPACE: namespace,
      CRONMESH_JOB: name,
      ...(held.tick !== undefined && { CRONMESH_TICK: formatInstant(held.tick) }),
      CRONMESH_RUN: held.run,
      CRONMESH_ATTEMPT: String(held.attempt),
      CRONMESH_FENCING_TOKEN: held.token,
      CRONMESH_WORKER: worker,
      TRACEPARENT: traceparent(held.run, held.attempt),
      ...shardVariables(held.particulars?.member),
    },
  };
}
