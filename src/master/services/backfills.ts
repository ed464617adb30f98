import { CronmeshError } from '../../domain/errors.ts';
import { type Job, jobKey } from '../../domain/job/job.ts';
import { preview } from '../../domain/job/preview.ts';
import type { BackfillRequest } from '../../domain/run/backfill-request.ts';
import { type BackfillId, backfillId } from '../../domain/run/run.ts';
import { type Schedule, scheduleOf } from '../../domain/schedule/index.ts';
import { scheduledPart } from '../../domain/schedule/job-schedule.ts';
import { type Clock, formatInstant, type Instant } from '../../domain/time.ts';
import type { Backfill, BackfillFilter } from '../../store/backfill.ts';
import type { Page, Store } from '../../store/store.ts';

/** The most ticks that one backfill may have. */
export const maxBackfillTicks = 100_000;
/** Beyond it nobody counts. */
const countedAtMost = 1_000_000;
/** Ticks counted in one turn of the event loop: some ten milliseconds. */
const countedAtOnce = 2_000;

export interface BackfillServiceDependencies {
  readonly store: Pick<Store, 'createBackfill' | 'getBackfill' | 'listBackfills' | 'cancelBackfill'>;
  readonly clock: Clock;
  readonly randomText: (count: number) => string;
  readonly clockOk: () => boolean;
}

/** A backfill with what people ask about it. */
export interface BackfillView extends Backfill {
  /** Ticks of which nothing is left to be done. */
  readonly done: number;
  /** The tick that gets the next run; absent when every one had its turn. */
  readonly nextTick?: Instant;
}

/** Backfills: asked for, told about, cancelled. Their runs are the leader's to make. */
export class BackfillService {
  readonly #deps: BackfillServiceDependencies;

  constructor(deps: BackfillServiceDependencies) {
    this.#deps = deps;
  }

  /**
   * Asks for runs of a job for the ticks of a past range, those before the job's creation too.
   *
   * @throws CronmeshError NotApplicable with placement All or Shards; InvalidInput when the range has no tick, or more than
   * `maxBackfillTicks`; Unavailable
   */
  async create(job: Job, request: BackfillRequest, by: string): Promise<BackfillView> {
    const { store, clock, randomText, clockOk } = this.#deps;
    if (!clockOk()) {
      const message = "this master's clock is off from its peers'; ask another master";
      throw new CronmeshError('Unavailable', message, { retryable: true });
    }
    if (job.spec.placement.mode !== 'One') {
      const message = `a job with placement mode ${job.spec.placement.mode} can't be backfilled: only mode One can`;
      throw new CronmeshError('NotApplicable', message);
    }
    const total = await this.#count(job, request);
    const { namespace, name, uid } = job;
    const backfill = await store.createBackfill({
      id: backfillId(uid, randomText(6)),
      jobUid: uid,
      namespace,
      name,
      ...request,
      total,
      schedule: scheduledPart(job),
      by,
      at: clock(),
    });
    return viewOf(backfill);
  }

  /** @throws CronmeshError NotFound */
  async get(id: BackfillId): Promise<BackfillView> {
    const backfill = await this.#deps.store.getBackfill(id);
    if (backfill === undefined) throw new CronmeshError('NotFound', `there is no backfill ${id}`);
    return viewOf(backfill);
  }

  /** Newest first. */
  async list(filter: BackfillFilter): Promise<Page<BackfillView>> {
    const { items, ...rest } = await this.#deps.store.listBackfills(filter);
    return { items: items.map(viewOf), ...rest };
  }

  /**
   * Makes no further run of it. Those that had begun go on; those that wait are skipped by the leader.
   *
   * @throws CronmeshError NotFound, Conflict when it has ended
   */
  async cancel(id: BackfillId, by: string): Promise<BackfillView> {
    if (await this.#deps.store.cancelBackfill(id, `cancelled by ${by}`)) return await this.get(id);
    const { state } = await this.get(id);
    throw new CronmeshError('Conflict', `the backfill ${id} has ended already: ${state}`);
  }

  async #count(job: Job, { from, to }: BackfillRequest): Promise<number> {
    const schedule = scheduleOf(job);
    let count = 0;
    let tick = schedule.next(from - 1);
    while (tick !== undefined && tick < to && count <= countedAtMost) {
      count++;
      if (count % countedAtOnce === 0) await new Promise(setImmediate);
      tick = schedule.next(tick);
    }
    if (count > 0 && count <= maxBackfillTicks) return count;
    const range = `${formatInstant(from)} to ${formatInstant(to)}`;
    const expression = preview(job.spec.schedule);
    const ticks = count > countedAtMost ? `more than ${countedAtMost}` : String(count);
    const message =
      count === 0
        ? `no tick of the schedule ${expression} lies in ${range}`
        : `${ticks} ticks of the schedule ${expression} lie in ${range}, and at most ${maxBackfillTicks} may be asked for at once; narrow the range`;
    throw new CronmeshError('InvalidInput', `the range of ${jobKey(job)}: ${message}`, {
      problems: [{ field: 'from', value: preview(formatInstant(from)), message }],
    });
  }
}

/** The tick after the one that was decided last; undefined when none is left in the range. */
export function nextTickOf(
  { from, to, order }: Pick<Backfill, 'from' | 'to' | 'order'>,
  schedule: Schedule,
  position: Instant | undefined,
): Instant | undefined {
  const tick = order === 'OldestFirst' ? schedule.next(position ?? from - 1) : schedule.previous(position ?? to);
  return tick !== undefined && from <= tick && tick < to ? tick : undefined;
}

function viewOf(backfill: Backfill): BackfillView {
  const { succeeded, failed, skipped, leftOut } = backfill.counts;
  const done = succeeded + failed + skipped + leftOut;
  if (backfill.state !== 'Running') return { ...backfill, done };
  const nextTick = nextTickOf(backfill, scheduleOf(backfill.schedule), backfill.position);
  return { ...backfill, done, ...(nextTick !== undefined && { nextTick }) };
}
