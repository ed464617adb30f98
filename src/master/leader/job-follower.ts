import type { Index } from '../../coordination/coordinator.ts';
import { decodeFeed, decodeHead } from '../../coordination/feed-records.ts';
import { feedHeadKey, prefix } from '../../coordination/keys.ts';
import { watchKey } from '../../coordination/watch.ts';
import { type JobKey, type JobUid, splitJobKey } from '../../domain/job/job.ts';
import type { Office } from './office.ts';
import type { SpellAgenda } from './spell-agenda.ts';

const page = 1_000;

/** Keeps the agenda in step with the database: changed jobs at once, by the feed, and everything now and then. */
export class JobFollower {
  readonly #office: Office;
  readonly #agenda: SpellAgenda;
  #head: Index = 0;
  #turn: Promise<void> = Promise.resolve();
  /** Changes of each shard that were seen. */
  readonly #counts = new Map<string, number>();

  constructor(office: Office, agenda: SpellAgenda) {
    this.#office = office;
    this.#agenda = agenda;
  }

  /** Loads every spell that may hold unaccounted ticks. */
  load(): Promise<void> {
    return this.#inTurn(() => this.#load());
  }

  async #load(): Promise<void> {
    const { store, signal, clock } = this.#office;
    const before = new Map([...this.#agenda.openUids()].map(uid => [uid, false]));
    for (let after = ''; !signal.aborted; ) {
      const spells = await store.openSpells(after, page);
      this.#agenda.put(spells, clock());
      for (const { uid } of spells) before.delete(uid);
      const last = spells.at(-1);
      if (last === undefined) break;
      after = last.uid;
    }
    // Those that are accounted to their end are not among them, and may be new to this leader.
    await this.#reload([...before.keys()]);
  }

  /** Follows the feed until the office ends. */
  async follow(): Promise<void> {
    const { coordinator, signal, logger } = this.#office;
    await watchKey(coordinator, feedHeadKey, {
      signal,
      onChange: async (entry, { reset }) => {
        if (entry === undefined || entry.index === this.#head) return;
        const head = decodeHead(entry);
        const chained = !reset && head !== undefined && head.previous === this.#head;
        const jobs = chained ? head.jobs : await this.#missed(reset);
        if (jobs === undefined) await this.load();
        else await this.#inTurn(() => this.#changed(jobs));
        // What was read one by one is counted at the next look at the shards; reading it twice does no harm.
        this.#head = entry.index;
      },
      onError: (error, attempt) => {
        if (attempt === 0) logger.warn({ err: error }, 'the feed of jobs could not be followed; trying again');
      },
    });
  }

  /** Two reads of the database at once could come back in the wrong order, and bring a spell back that has ended. */
  #inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(read);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Jobs changed since the last look at the shards; undefined when they do not tell. */
  async #missed(reset: boolean): Promise<JobKey[] | undefined> {
    const { coordinator, signal } = this.#office;
    const jobs = new Set<JobKey>();
    const first = this.#counts.size === 0;
    let whole = !reset && !first;
    for (const entry of await coordinator.list(prefix.feed, { signal })) {
      if (entry.key === feedHeadKey) continue;
      const feed = decodeFeed(entry);
      const news = (feed?.count ?? 0) - (this.#counts.get(entry.key) ?? 0);
      if (feed === undefined || news < 0 || news > feed.changes.length) whole = false;
      else if (news > 0) for (const { job } of feed.changes.slice(-news)) jobs.add(job);
      this.#counts.set(entry.key, feed?.count ?? 0);
    }
    return whole ? [...jobs] : undefined;
  }

  async #changed(jobs: readonly JobKey[]): Promise<void> {
    const uids = new Set<JobUid>();
    for (let i = 0; i < jobs.length; i += page) {
      for (const job of await this.#office.store.getJobs(jobs.slice(i, i + page).map(splitJobKey))) uids.add(job.uid);
    }
    for (const job of jobs) {
      const uid = this.#agenda.open(job)?.uid;
      if (uid !== undefined) uids.add(uid);
    }
    await this.#reload([...uids]);
  }

  async #reload(uids: readonly JobUid[]): Promise<void> {
    for (let i = 0; i < uids.length; i += page) {
      this.#agenda.put(await this.#office.store.spellsOf(uids.slice(i, i + page)), this.#office.clock());
    }
  }
}
