import { isHeld } from '../../coordination/handover.ts';
import { prefix } from '../../coordination/keys.ts';
import { exclusiveLock, jobOfLock } from '../../coordination/locks.ts';
import { decode, type LockRecord, type TriggerRecord } from '../../coordination/records.ts';
import { type JobKey, splitJobKey } from '../../domain/job/job.ts';
import { stillness } from '../../domain/job/pause.ts';
import { nobodyEligible } from '../../domain/policy/eligibility.ts';
import { Freezes, frozenClause } from '../../domain/policy/freeze.ts';
import { isSpread, wholeOf } from '../../domain/policy/members.ts';
import { timing as protocol } from '../../domain/policy/timing.ts';
import type { RunId } from '../../domain/run/run.ts';
import { formatInstant, type Instant } from '../../domain/time.ts';
import type { JobSpell } from '../../store/store.ts';
import type { WorkerDirectory } from '../services/workers.ts';
import type { Cause } from './misfire.ts';
import type { Office } from './office.ts';
import type { Orphans } from './orphans.ts';
import type { SpellAgenda } from './spell-agenda.ts';

export interface UnclaimedParts {
  readonly office: Office;
  readonly agenda: SpellAgenda;
  readonly workers: WorkerDirectory;
  readonly orphans: Pick<Orphans, 'keptFrom'>;
}

/** The newest runs of a job: what went when a trigger of it came to its deadline, seconds ago, is among them. */
const lookedBack = 50;
/** How long a lock that was kept back is remembered: deadlines are looked at soon after they pass. */
const keptBackKnown = 300_000;

export const jobChanged: Cause = {
  reason: 'JobChanged',
  detail: 'the job was deleted before the run could start',
};

/** Tells of triggers that no worker claimed what kept them, by what is seen some seconds after their deadlines. */
export class Unclaimed {
  readonly #parts: UnclaimedParts;
  readonly #office: Office;
  /** Locks that Consul kept back for a lost session, and when that was seen last. */
  readonly #keptBack = new Map<string, Instant>();
  /** As they are now. */
  freezes = new Freezes();

  constructor(parts: UnclaimedParts) {
    this.#parts = parts;
    this.#office = parts.office;
  }

  /** Why a trigger was not started until its deadline. */
  async why(trigger: TriggerRecord, job: JobKey): Promise<Cause> {
    const until = formatInstant(trigger.deadline);
    if (trigger.adopts !== undefined) {
      return { reason: 'NoCapacity', detail: `no worker that can reach it had room until ${until}` };
    }
    const spell = await this.#spellAt(trigger.deadline, job);
    if (spell === undefined) return jobChanged;
    const { spec, floor } = spell;
    if (trigger.kind === 'tick' || trigger.kind === 'catchup') {
      const still = stillness(spell);
      if (still !== undefined) return { reason: still.reason, detail: `${still.detail}, while it waited` };
      if (trigger.tick !== undefined && trigger.tick <= floor) {
        return {
          reason: 'JobChanged',
          detail: `the job's schedule changed at ${formatInstant(floor)}, while it waited`,
        };
      }
    }
    const frozen = trigger.kind === 'manual' ? undefined : this.frozenAt(splitJobKey(job).namespace, trigger.deadline);
    if (frozen !== undefined) return frozen;
    if (isSpread(spec.placement)) {
      const held = spec.concurrencyPolicy === 'Forbid' ? await this.#holder(trigger, job) : undefined;
      if (held !== undefined) return { reason: 'StillRunning', detail: `the run ${held} was still going at ${until}` };
    }
    const only = trigger.particulars?.member?.worker;
    if (only !== undefined) {
      return this.#parts.workers.eligible(spec).some(({ name }) => name === only)
        ? { reason: 'NoCapacity', detail: `worker ${only} had no room until ${until}` }
        : { reason: 'NoEligibleWorker', detail: `worker ${only} went away, and was not back at ${until}` };
    }
    const lockKey = isSpread(spec.placement) ? undefined : exclusiveLock(job, spec);
    if (lockKey !== undefined) {
      const [slot] = await this.#office.read([lockKey]);
      const record = slot === undefined ? undefined : decode<LockRecord>(slot);
      if (record !== undefined && isHeld({ session: slot?.session, record })) {
        const holder = jobOfLock(lockKey, record);
        const what = `the run ${record.run}${holder === job ? '' : ` of ${holder} (concurrencyGroup ${spec.concurrencyGroup})`}`;
        // Of a queue it may have come to its own turn since.
        const detail =
          spec.concurrencyPolicy === 'Queue'
            ? `its turn had not come by ${until}: ${what} is going`
            : `${what} was still going at ${until}`;
        return { reason: 'StillRunning', detail };
      }
      // Its worker fell silent: nobody gets the lock before its session has ended, and the lock delay after it.
      const silent = record?.run ?? this.#parts.orphans.keptFrom(lockKey, trigger.deadline);
      if (silent !== undefined)
        return {
          reason: 'StillRunning',
          detail: `the run ${silent}, whose worker fell silent, had its lock until ${until}`,
        };
      if (await this.#wasKeptBack(lockKey, trigger.deadline))
        return {
          reason: 'StillRunning',
          detail: `the lock of a run whose session was lost was not to be had until ${until}`,
        };
      const ended = await this.#goingAt(trigger.deadline, job);
      if (ended !== undefined)
        return { reason: 'StillRunning', detail: `the run ${ended} still had the job's lock at ${until}` };
    }
    const { history } = this.#parts.workers;
    const seen = history.eligibleDuring(spec, trigger.requestedAt, trigger.deadline);
    const none = seen === 'none' || (seen !== 'some' && this.#parts.workers.eligible(spec).length === 0);
    return none
      ? { reason: 'NoEligibleWorker', detail: `${nobodyEligible} until ${until}` }
      : { reason: 'NoCapacity', detail: `no eligible worker had room until ${until}` };
  }

  /** What the job was at an instant: what was changed after a trigger's deadline did not keep it from anything. */
  async #spellAt(at: Instant, job: JobKey): Promise<JobSpell | undefined> {
    const open = this.#parts.agenda.open(job);
    if (open === undefined || open.floor <= at) return open;
    const spells = await this.#office.store.spellsOf([open.uid]);
    return spells.findLast(({ floor }) => floor <= at) ?? open;
  }

  /** Whether Consul kept the lock of a lost session from everybody not long before an instant, as far as was seen. */
  async #wasKeptBack(lockKey: string, at: Instant): Promise<boolean> {
    const now = this.#office.clock();
    if (await this.#office.isKeptBack(lockKey)) this.#keptBack.set(lockKey, now);
    for (const [key, seen] of this.#keptBack) if (now - seen > keptBackKnown) this.#keptBack.delete(key);
    return at - protocol.lockDelay <= (this.#keptBack.get(lockKey) ?? 0);
  }

  /**
   * A run of the job that had its lock at an instant, as the database knows: it had not ended, or not been reported; and
   * of one whose session was lost, Consul's lock delay still kept it.
   */
  async #goingAt(at: Instant, job: JobKey): Promise<RunId | undefined> {
    const { items } = await this.#office.store.listRuns({ ...splitJobKey(job), limit: lookedBack });
    return items.find(
      ({ startedAt, finishedAt = Number.POSITIVE_INFINITY, state }) =>
        startedAt !== undefined && startedAt <= at && finishedAt + (state === 'Lost' ? protocol.lockDelay : 0) >= at,
    )?.id;
  }

  /** A run that keeps the trigger's from starting: of a member, one of another whole. */
  async #holder({ run, particulars }: TriggerRecord, job: JobKey): Promise<RunId | undefined> {
    const locks = await this.#office.list(`${prefix.lock}${job}/`);
    return locks
      .map(({ session, value, key }) => ({ session, record: decode<LockRecord>({ key, value }) }))
      .filter(isHeld)
      .find(({ record }) => wholeOf(record.run, record.particulars) !== wholeOf(run, particulars))?.record.run;
  }

  /** Frozen when it could have started at the latest. */
  frozenAt(namespace: string, deadline: Instant): Cause | undefined {
    const freeze = this.freezes.at(namespace, deadline);
    return freeze && { reason: 'Frozen', detail: frozenClause(freeze, this.#office.clock()) };
  }
}
