import { isDeepStrictEqual } from 'node:util';
import type { Calendar } from '../../../domain/calendar/calendar.ts';
import { type ValidCalendar, validateCalendar } from '../../../domain/calendar/validate.ts';
import { CronmeshError } from '../../../domain/errors.ts';
import { jobKey } from '../../../domain/job/job.ts';
import type { Clock } from '../../../domain/time.ts';
import type { Logger } from '../../../observability/logger.ts';
import type { CalendarFilter, JobName, Page, Store } from '../../../store/store.ts';
import type { Changes } from '../changes.ts';
import { checkPrecondition, type Precondition } from '../precondition.ts';
import type { Publishing } from '../publishing.ts';
import { importCalendar } from './icalendar/import.ts';
import { type ImportWindow, windowAnnotation, windowOf } from './window.ts';

export interface CalendarServiceDependencies {
  readonly store: Pick<
    Store,
    'createCalendar' | 'updateCalendar' | 'deleteCalendar' | 'getCalendar' | 'listCalendars' | 'calendarUsers'
  >;
  readonly publishing: Pick<Publishing, 'publish'>;
  readonly changes: Changes;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Whether this master's clock may stamp: the floors of jobs depend on it. */
  readonly clockOk: () => boolean;
}

/** What became of a change: content that is the same makes no new revision. */
export interface AppliedCalendar {
  readonly calendar: Calendar;
  readonly outcome: 'created' | 'updated' | 'unchanged';
}

/** Somebody else's change came between the read and the write this often: give up and let the caller repeat. */
const maxTries = 5;

/** Calendars: a change of what one holds is a change of schedule of every job that names it. */
export class CalendarService {
  readonly #deps: CalendarServiceDependencies;

  constructor(deps: CalendarServiceDependencies) {
    this.#deps = deps;
  }

  /** @throws CronmeshError AlreadyExists, Unavailable */
  async create(manifest: ValidCalendar): Promise<Calendar> {
    const { name, namespace, labels, annotations } = manifest.metadata;
    const { store, clock } = this.#deps;
    return await store.createCalendar({ name, namespace, labels, annotations, spec: manifest.spec, now: clock() });
  }

  /**
   * Creates the calendar, or replaces it, which needs a `match`.
   *
   * @throws CronmeshError StaleRevision, PreconditionRequired, InvalidInput, Unavailable
   */
  async apply(manifest: ValidCalendar, precondition: Precondition): Promise<AppliedCalendar> {
    const ref = manifest.metadata;
    return await retry(precondition, async () => {
      const before = await this.#deps.store.getCalendar(ref.namespace, ref.name);
      checkPrecondition(ref, before, precondition, 'calendar');
      if (before === undefined) return { calendar: await this.create(manifest), outcome: 'created' };
      if (precondition.match === undefined) {
        throw new CronmeshError(
          'PreconditionRequired',
          `the calendar ${jobKey(ref)} exists; to replace it, send If-Match with its ETag ("${before.revision}"), or * for whatever it is`,
        );
      }
      return await this.#update(before, manifest);
    });
  }

  /**
   * Makes the calendar of an iCalendar file, or replaces what it holds; its labels and other annotations stay.
   *
   * @throws CronmeshError InvalidInput, StaleRevision, Unavailable
   */
  async import(ref: JobName, text: string, given: ImportWindow, precondition: Precondition): Promise<AppliedCalendar> {
    const window = windowOf(given, this.#deps.clock());
    const spec = await importCalendar(text, { ...window, timeZone: given.timeZone });
    return await retry(precondition, async () => {
      const before = await this.#deps.store.getCalendar(ref.namespace, ref.name);
      checkPrecondition(ref, before, precondition, 'calendar');
      const { labels = {}, annotations = {} } = before ?? {};
      const metadata = { ...ref, labels, annotations: { ...annotations, ...windowAnnotation(window) } };
      const manifest = validateCalendar({ metadata, spec });
      if (before === undefined) return { calendar: await this.create(manifest), outcome: 'created' };
      return await this.#update(before, manifest);
    });
  }

  /** @throws CronmeshError NotFound, StaleRevision, Conflict when jobs name it */
  async delete(ref: JobName, precondition: Precondition = {}): Promise<void> {
    await retry(precondition, async () => {
      const calendar = await this.get(ref);
      checkPrecondition(ref, calendar, precondition, 'calendar');
      await this.#deps.store.deleteCalendar(ref.namespace, ref.name, calendar.revision);
    });
  }

  /** @throws CronmeshError NotFound */
  async get(ref: JobName): Promise<Calendar> {
    const calendar = await this.#deps.store.getCalendar(ref.namespace, ref.name);
    if (calendar === undefined) throw new CronmeshError('NotFound', `there is no calendar ${jobKey(ref)}`);
    return calendar;
  }

  async list(filter: CalendarFilter): Promise<Page<Calendar>> {
    return await this.#deps.store.listCalendars(filter);
  }

  /** Names of the jobs that name it. */
  async users(ref: JobName): Promise<readonly string[]> {
    const jobs = await this.#deps.store.calendarUsers(ref.namespace, ref.name);
    return jobs.map(job => job.name);
  }

  async #update(before: Calendar, manifest: ValidCalendar): Promise<AppliedCalendar> {
    const { labels, annotations } = manifest.metadata;
    const { spec } = manifest;
    const { namespace, name, revision } = before;
    const same =
      isDeepStrictEqual(before.spec, spec) &&
      isDeepStrictEqual(before.labels, labels) &&
      isDeepStrictEqual(before.annotations, annotations);
    if (same) return { calendar: before, outcome: 'unchanged' };
    const { store, clock, clockOk, publishing, changes, logger } = this.#deps;
    if (!clockOk()) {
      const message =
        "this master's clock is off from its peers': it changes nothing until it is right again; ask another";
      throw new CronmeshError('Unavailable', message, { retryable: true });
    }
    const change = { namespace, name, revision, labels, annotations, spec, now: clock() };
    const { calendar, jobs } = await store.updateCalendar(change);
    for (const job of jobs) changes.jobChanged(jobKey(job));
    // In the background: the change is committed, and the outbox publishes again what fails here.
    publishing.publish(jobs).catch((error: unknown) => {
      logger.warn(
        { err: error, calendar: jobKey(before) },
        'its jobs were not published at once; the outbox will do it',
      );
    });
    return { calendar, outcome: 'updated' };
  }
}

/** Repeats a read and its write when another change came between them, unless the caller wants to hear of that. */
async function retry<T>(precondition: Precondition, attempt: () => Promise<T>): Promise<T> {
  const repeatable = !precondition.absent && !Array.isArray(precondition.match);
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const code = error instanceof CronmeshError ? error.code : undefined;
      const raced = code === 'StaleRevision' || code === 'AlreadyExists';
      if (!raced || !repeatable || tries >= maxTries) throw error;
    }
  }
}
