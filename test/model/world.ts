import type { FinishedReport, Report, RunReference } from '../../src/domain/run/report.ts';
import type { Outcome, RunId, RunState, WorkerId } from '../../src/domain/run/run.ts';
import type { NewRun, Run, Store, Term } from '../../src/store/store.ts';
import { transitions } from './transitions.ts';

/** What an attempt's worker reports, in the order of its spool. */
interface Attempt {
  readonly number: number;
  readonly worker: WorkerId;
  readonly reports: Report[];
  /** How many of them have reached the database, the first ones. */
  delivered: number;
  /** Its true end, once it has one. */
  outcome?: Outcome;
}

const ends: ReadonlySet<RunState> = new Set<RunState>(['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped']);

/**
 * One run in a world in which anything may happen in any order: workers claim what may be claimed, go on, end or vanish;
 * their reports come late, and again; the leader closes, retries and expires; somebody kills. After each step the row is
 * held against what is promised.
 */
export class World {
  readonly #store: Store;
  readonly #term: Term;
  readonly #request: NewRun;
  readonly attempts: Attempt[] = [];
  #now: number;
  #row: Run | undefined;
  readonly trace: string[] = [];
  /** The run waits as a trigger: for its first attempt, or for the next. */
  #claimable: number | undefined;

  constructor(store: Store, term: Term, request: NewRun) {
    this.#store = store;
    this.#term = term;
    this.#request = request;
    this.#now = request.requestedAt;
  }

  get row(): Run | undefined {
    return this.#row;
  }

  async begin(asked: boolean): Promise<void> {
    if (asked) await this.#step('asked for', () => this.#store.createRun(this.#request).then(() => undefined));
    this.#claimable = 1;
  }

  /** A worker wins the claim of the attempt that waits. */
  claim(): void {
    if (this.#claimable === undefined) return;
    const number = this.#claimable;
    this.#claimable = undefined;
    const worker = `worker-${this.attempts.length}` as WorkerId;
    const reference = this.#reference(number);
    const fencingToken = String(1_000 + this.attempts.length);
    const reports: Report[] = [{ ...reference, type: 'claimed', at: this.#tick(), fencingToken, revision: 1 }];
    this.attempts.push({ number, worker, reports, delivered: 0 });
    this.trace.push(`attempt ${number} claimed`);
  }

  /** It was claimed and provably never spawned: it waits again, the same attempt, for another worker. */
  handBack(): void {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined || attempt.reports.length > 1) return;
    this.#claimable ??= attempt.number;
    this.trace.push(`attempt ${attempt.number} handed back`);
  }

  /** The newest living attempt goes on: starts, prints, or ends. */
  act(what: 'start' | 'print' | Outcome): void {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined || attempt.outcome !== undefined || this.#claimable === attempt.number) return;
    const reference = this.#reference(attempt.number);
    const at = this.#tick();
    if (what === 'start') attempt.reports.push({ ...reference, type: 'started', at });
    else if (what === 'print') {
      const sequence = attempt.reports.filter(({ type }) => type === 'output').length;
      attempt.reports.push({ ...reference, type: 'output', sequence, stream: 'stdout', at, text: `${sequence};` });
    } else {
      attempt.outcome = what;
      attempt.reports.push({ ...reference, type: 'finished', at, outcome: what, message: `end of ${attempt.number}` });
    }
    this.trace.push(`attempt ${attempt.number}: ${what}`);
  }

  /** A worker's reports reach a master: from `from` (some for the second time), `count` of them. */
  async deliver(which: number, from: number, count: number): Promise<void> {
    const attempt = this.attempts[which % Math.max(1, this.attempts.length)];
    if (attempt === undefined) return;
    const first = Math.min(from, attempt.delivered);
    const batch = attempt.reports.slice(first, first + count);
    if (batch.length === 0) return;
    await this.#step(`reports ${first}–${first + batch.length - 1} of attempt ${attempt.number}`, () =>
      this.#store.applyReports(attempt.worker, batch, this.#now),
    );
    attempt.delivered = Math.max(attempt.delivered, first + batch.length);
  }

  /** The leader finds that the newest attempt left no trace. */
  async lose(): Promise<void> {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) return;
    const { jobUid, namespace, name, trigger } = this.#request;
    const lost = { run: this.#request.id, attempt: attempt.number, jobUid, namespace, name, trigger, message: 'lost' };
    await this.#account(`attempt ${attempt.number} closed as lost`, { lost: [lost] });
  }

  /** The leader looks at how the run ended. */
  async decide(retry: boolean): Promise<void> {
    const row = this.#row;
    if (row === undefined || row.retryDecided) return;
    await this.#step(retry ? 'a further attempt is wanted' : 'the end is final', () =>
      this.#store.decideRetries(
        this.#term,
        [{ run: { id: row.id, attempt: row.attempt, state: row.state }, ...(retry && { at: this.#now + 1 }) }],
        this.#now,
      ),
    );
  }

  /** The next attempt is due: asked for, or not wanted any more. */
  async due(asked: boolean): Promise<void> {
    const row = this.#row;
    if (row?.state !== 'Pending' || row.lastOutcome === undefined || this.#claimable !== undefined) return;
    const one = { run: row.id, attempt: row.attempt };
    const due = asked
      ? { asked: [{ ...one, deadline: this.#now + 60_000 }], dropped: [] }
      : { asked: [], dropped: [one] };
    await this.#step(asked ? 'it is asked for' : 'it is dropped', () =>
      this.#store.askForRetries(this.#term, due, this.#now),
    );
    if (asked && this.#row?.state === 'Pending') this.#claimable = row.attempt + 1;
  }

  /** Nobody could start what waits until its deadline: the trigger is taken away first. */
  async expire(): Promise<void> {
    if (this.#claimable === undefined || this.#row?.state !== 'Pending') return;
    this.#claimable = undefined;
    await this.#account('it could not be started in time', {
      expired: [{ run: this.#request.id, reason: 'NoCapacity', message: 'no room' }],
    });
  }

  /** Somebody kills it between two attempts. */
  async kill(): Promise<void> {
    const row = this.#row;
    if (row === undefined || this.#claimable !== undefined) return;
    await this.#step('killed while it waits', () =>
      this.#store.killWaiting(row, 'killed', this.#now).then(() => undefined),
    );
  }

  /** Everything that is under way arrives, and the leader sees it. */
  async settle(): Promise<void> {
    for (const [which, attempt] of this.attempts.entries()) {
      await this.deliver(which, attempt.delivered, attempt.reports.length);
    }
    if (this.#row === undefined) return;
    if (!ends.has(this.#row.state)) {
      if (this.attempts.length > 0 && this.#claimable === undefined && this.#row.state !== 'Pending') await this.lose();
      else if (this.#claimable !== undefined) await this.expire();
      else await this.due(false);
    }
    await this.decide(false);
  }

  async #account(what: string, found: Partial<Parameters<Store['account']>[1]>): Promise<void> {
    const nothing = { skips: [], lost: [], expired: [], catchups: [], accounted: [] };
    await this.#step(what, () => this.#store.account(this.#term, { ...nothing, ...found }, this.#now));
  }

  async #step(what: string, step: () => Promise<void>): Promise<void> {
    this.#tick();
    await step();
    const before = this.#row;
    this.#row = await this.#store.getRun(this.#request.id);
    this.trace.push(`${what} → ${this.#row?.state ?? 'no row'}`);
    check(before, this.#row);
  }

  #reference(attempt: number): RunReference {
    const { id: run, jobUid, namespace, name, trigger } = this.#request;
    return { run, attempt, jobUid, namespace, name, trigger };
  }

  #tick(): number {
    this.#now += 10;
    return this.#now;
  }
}

/** What one step may do to a row. */
function check(before: Run | undefined, after: Run | undefined): void {
  if (after === undefined) {
    if (before !== undefined) throw new Error('the row is gone');
    return;
  }
  const from = before?.state ?? 'new';
  if (from !== after.state && !transitions[from].includes(after.state)) {
    throw new Error(`${from} became ${after.state}`);
  }
  if (before === undefined) return;
  if (after.attempt < before.attempt) throw new Error(`attempt ${before.attempt} became ${after.attempt}`);
  const token = (run: Run): bigint => BigInt(run.fencingToken ?? 0);
  if (after.attempt === before.attempt && token(after) < token(before))
    throw new Error('an older fencing token counted');
  const isFinal = transitions[before.state].length === 0;
  if (isFinal && JSON.stringify(told(after)) !== JSON.stringify(told(before))) {
    throw new Error(`${before.state} is final, and changed: ${JSON.stringify([told(before), told(after)])}`);
  }
  // An end that is decided stays; but Lost, which means unknown.
  const decided = before.retryDecided && ends.has(before.state) && before.state !== 'Lost';
  if (decided && after.state !== before.state) throw new Error(`${before.state} was decided and became ${after.state}`);
}

const told = ({ state, attempt, message, finishedAt, exitCode, worker }: Run) => ({
  state,
  attempt,
  message,
  finishedAt,
  exitCode,
  worker,
});

/** How the last attempt of a run truly ended, as its worker told. */
export function trueEnd(world: World): FinishedReport['outcome'] | undefined {
  return world.attempts.at(-1)?.outcome;
}

export type { RunId };
