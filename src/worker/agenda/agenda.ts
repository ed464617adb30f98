import type { JobKey } from '../../domain/job/job.ts';
import { bucketOf } from '../../domain/policy/ranks.ts';
import { timing } from '../../domain/policy/timing.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Alarm } from '../alarm.ts';
import { Due } from './due.ts';
import type { JobEntry } from './entry.ts';
import { Heap } from './heap.ts';

export interface AgendaOptions {
  readonly clock: Clock;
  readonly alarm: Alarm;
  /** These ticks come within a second: a good time to read what their claims need. */
  readonly onAhead: (dues: readonly Due[]) => void;
  /** These ticks have come, at most the live window ago. */
  readonly onDue: (dues: readonly Due[]) => void;
}

/** A job's next tick, and when it is announced. */
interface Planned {
  readonly at: Instant;
  readonly tick: Instant;
  readonly entry: JobEntry;
}

/** Announcements of one turn of the timer: what is due at the same moment goes out together. */
const mostAtOnce = 50_000;

/**
 * Every job that this worker may run, by its next tick: one heap and one timer. A tick is announced up to a second
 * ahead, and comes due at its instant.
 */
export class Agenda {
  readonly #options: AgendaOptions;
  readonly #jobs = new Map<JobKey, JobEntry>();
  readonly #planned = new Heap<Planned>();
  /** Announced and not yet due, by tick. */
  readonly #announced = new Map<Instant, Due[]>();
  #wakesAt: Instant = Number.POSITIVE_INFINITY;
  #running = false;

  constructor(options: AgendaOptions) {
    this.#options = options;
  }

  /** Jobs held. */
  get size(): number {
    return this.#jobs.size;
  }

  job(key: JobKey): JobEntry | undefined {
    return this.#jobs.get(key);
  }

  /** Whether an entry is the job's newest. */
  isCurrent(entry: JobEntry): boolean {
    return this.#jobs.get(entry.key) === entry;
  }

  entries(): IterableIterator<JobEntry> {
    return this.#jobs.values();
  }

  /** Adds a job or takes its newer form. Ticks of the live window come due again: their cursors tell what was decided. */
  set(entry: JobEntry): void {
    this.#jobs.set(entry.key, entry);
    this.#plan(entry, Math.max(entry.floor, this.#horizon()));
    this.#tidy();
    this.#wake();
  }

  remove(key: JobKey): void {
    this.#jobs.delete(key);
    this.#tidy();
  }

  /** Begins to announce; until then ticks only gather. */
  start(): void {
    this.#running = true;
    this.#wake();
  }

  stop(): void {
    this.#running = false;
  }

  /** The clock was stepped: every next tick is computed anew. */
  replan(): void {
    this.#planned.clear();
    this.#announced.clear();
    const horizon = this.#horizon();
    for (const entry of this.#jobs.values()) this.#plan(entry, Math.max(entry.floor, horizon));
    this.#wakesAt = Number.POSITIVE_INFINITY;
    this.#wake();
  }

  /** Ticks at or before it are too old to be claimed live. */
  #horizon(): Instant {
    return this.#options.clock() - timing.liveWindow;
  }

  #plan(entry: JobEntry, after: Instant): void {
    if (entry.suspended) return;
    const tick = entry.schedule.next(after);
    if (tick !== undefined) this.#planned.push({ at: tick - lead(tick - after), tick, entry });
  }

  #wake(): void {
    const at = this.#planned.first?.at;
    if (!this.#running || at === undefined || at >= this.#wakesAt) return;
    this.#wakesAt = at;
    this.#options.alarm.at(at, () => this.#announce());
  }

  #announce(): void {
    this.#wakesAt = Number.POSITIVE_INFINITY;
    if (!this.#running) return;
    const now = this.#options.clock();
    const horizon = this.#horizon();
    const ahead: Due[] = [];
    const late: Due[] = [];
    for (let left = mostAtOnce; left > 0; left--) {
      const planned = this.#planned.popDue(now);
      if (planned === undefined) break;
      const { entry, tick } = planned;
      if (!this.isCurrent(entry)) continue;
      // After a long sleep a job may have thousands of ticks behind it: those are misfires, the leader's.
      this.#plan(entry, Math.max(tick, horizon));
      if (tick <= horizon) continue;
      const due = new Due(entry, tick, bucketOf(entry.uid, tick));
      if (tick <= now) late.push(due);
      else {
        ahead.push(due);
        this.#keep(due);
      }
    }
    if (late.length > 0) this.#options.onDue(late);
    if (ahead.length > 0) this.#options.onAhead(ahead);
    this.#wake();
  }

  #keep(due: Due): void {
    const others = this.#announced.get(due.tick);
    if (others !== undefined) {
      others.push(due);
      return;
    }
    const dues = [due];
    this.#announced.set(due.tick, dues);
    this.#options.alarm.at(due.tick, () => {
      // After a replanning these are others' ticks, or nobody's.
      if (this.#announced.get(due.tick) !== dues) return;
      this.#announced.delete(due.tick);
      const current = dues.filter(one => this.isCurrent(one.entry));
      if (this.#running && current.length > 0) this.#options.onDue(current);
    });
  }

  /** Entries that were replaced stay in the heap until their tick; when they are the most of it, they go. */
  #tidy(): void {
    if (this.#planned.size > 2 * this.#jobs.size + 1_000) this.#planned.retain(({ entry }) => this.isCurrent(entry));
  }
}

/** How long before a tick it is announced: a second, and for jobs that come faster half of their period. */
function lead(period: Milliseconds): Milliseconds {
  return Math.min(timing.readAhead, Math.floor(period / 2));
}
