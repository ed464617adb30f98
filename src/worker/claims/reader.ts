import { type Coordinator, type Entry, maxOperations, type Operation } from '../../coordination/coordinator.ts';
import { cursorPath, prefix } from '../../coordination/keys.ts';
import { slotPath } from '../../coordination/locks.ts';
import { decode, type TriggerRecord } from '../../coordination/records.ts';
import type { JobKey } from '../../domain/job/job.ts';
import type { Clock } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { JobEntry } from '../agenda/entry.ts';
import { type Seen, type SeenCache, seenCursor, seenLock } from './seen.ts';
import { readWholes } from './wholes.ts';

/** Transactions of reads under way at once. */
const parallel = 4;

/** Reads keys in as few transactions as they fit into; the answer is in the order of the keys. @throws CoordinationError */
export async function readKeys(
  coordinator: Coordinator,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<readonly (Entry | undefined)[]> {
  const pages: Operation[][] = [];
  for (let from = 0; from < keys.length; from += maxOperations) {
    pages.push(keys.slice(from, from + maxOperations).map(key => ({ verb: 'get-or-empty', key })));
  }
  const answers: (readonly (Entry | undefined)[])[] = new Array(pages.length);
  let next = 0;
  const work = async () => {
    for (let page = next++; page < pages.length; page = next++) {
      const answer = await coordinator.transact(pages[page] ?? [], signal);
      if (!answer.ok) throw new Error(`a read failed: ${answer.failures[0]?.message}`);
      answers[page] = answer.entries;
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, pages.length) }, work));
  return answers.flat();
}

/** Reads what claims need: cursors, and the locks of jobs with a limited number of runs. */
export class Reader {
  readonly #coordinator: Coordinator;
  readonly #cache: SeenCache;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(coordinator: Coordinator, cache: SeenCache, clock: Clock, logger: Logger) {
    this.#coordinator = coordinator;
    this.#cache = cache;
    this.#clock = clock;
    this.#log = logger;
  }

  /**
   * Reads each job once and keeps it in the cache. A job is missing in the answer when what is stored for it cannot be
   * read by this version: it is left alone. @throws CoordinationError
   */
  async read(entries: Iterable<JobEntry>, signal: AbortSignal): Promise<ReadonlyMap<JobKey, Seen>> {
    const jobs = [...new Map(Array.from(entries, entry => [entry.key, entry] as const)).values()];
    const keys = jobs.flatMap(job => [cursorPath(job.key), ...slotKeys(job)]);
    const at = this.#clock();
    const found = await readKeys(this.#coordinator, keys, signal);
    const wholes = await readWholes(
      this.#coordinator,
      jobs.filter(job => job.wholes),
      signal,
    );
    const seen = new Map<JobKey, Seen>();
    let place = 0;
    for (const job of jobs) {
      const slots = job.slots ?? 0;
      const [cursor, ...locks] = found.slice(place, place + 1 + slots);
      place += 1 + slots;
      try {
        const whole = wholes.get(job);
        const read = { cursor: seenCursor(cursor), locks: locks.map(seenLock), at, ...(whole && { whole: whole() }) };
        seen.set(job.key, this.#cache.put(job.key, read));
      } catch (error) {
        this.#log.error({ err: error, job: job.key }, 'the job is left alone: what is stored for it cannot be read');
      }
    }
    return seen;
  }

  /** The triggers of each job, as they are now. @throws CoordinationError */
  async triggers(
    entries: Iterable<JobEntry>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<JobKey, readonly TriggerRecord[]>> {
    const jobs = [...new Set(Array.from(entries, ({ key }) => key))];
    const found = new Map<JobKey, readonly TriggerRecord[]>();
    const work = async () => {
      for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
        const listed = await this.#coordinator.list(`${prefix.trigger}${job}/`, { consistent: true, signal });
        found.set(
          job,
          listed.flatMap(one => this.#trigger(one)),
        );
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, jobs.length) }, work));
    return found;
  }

  #trigger(entry: Entry): readonly TriggerRecord[] {
    try {
      return [decode<TriggerRecord>(entry)];
    } catch (error) {
      this.#log.error({ err: error, key: entry.key }, 'a trigger does not count: it cannot be read');
      return [];
    }
  }
}

function slotKeys(job: JobEntry): string[] {
  return Array.from({ length: job.slots ?? 0 }, (_, slot) => slotPath(job.key, job.group, slot));
}
