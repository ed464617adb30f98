import type { CatchupOfRow, Findings, NewRun } from '../../store/store.ts';
import { nothingFound } from './lost.ts';
import { boundOf } from './misfire.ts';
import type { Office } from './office.ts';
import { withdraw } from './withdraw.ts';

type Policy = Parameters<typeof boundOf>[0];

/** A run that is asked for after all. */
export interface AddedCatchup {
  readonly run: Pick<NewRun, 'jobUid' | 'tick'>;
  readonly policy: Policy;
}

/** Ticks of which a run after all has begun: several runs of one tick count as one. */
export function begunTicks(row: readonly CatchupOfRow[]): number {
  return new Set(row.filter(one => one.is === 'begun').map(({ tick }) => tick)).size;
}

/** What of a row may wait no longer: the oldest, as many as there are too many. */
function beyond(row: readonly CatchupOfRow[], bound: number): readonly CatchupOfRow[] {
  const waiting = row.filter(one => one.is === 'waiting');
  const ticks = [...new Set(waiting.map(({ tick }) => tick))].sort((a, b) => a - b);
  const kept = new Set(ticks.slice(Math.max(0, ticks.length - Math.max(0, bound - begunTicks(row)))));
  return waiting.filter(({ tick }) => !kept.has(tick));
}

/**
 * Missed ticks in a row are one misfire, however many looks, and leaders, it takes to find them: the policy's number is
 * for all of it. A row ends with a tick that ran, and where a run after all began before the next tick was due. While an
 * outage goes on, each audit finds more missed ticks: the newest take the place of the oldest that wait for a worker, so
 * that `RunLatest` stays one run and `RunAll` keeps its limit. The database tells what is there; nothing is kept in mind.
 */
export class Catchups {
  readonly #office: Office;

  constructor(office: Office) {
    this.#office = office;
  }

  /** Withdraws what is beyond the policy's number, once these runs are committed. */
  async added(runs: readonly AddedCatchup[]): Promise<void> {
    if (runs.length === 0) return;
    const policies = new Map(runs.map(({ run, policy }) => [run.jobUid, policy]));
    const queries = [...Map.groupBy(runs, ({ run }) => run.jobUid)].map(([uid, own]) => {
      const ticks = own.map(({ run }) => run.tick ?? 0);
      return { uid, since: Math.min(...ticks), before: Math.max(...ticks) + 1 };
    });
    let rows = await this.#office.store.catchupsOfRow(queries);
    // Where a worker was faster, one more of the row has begun, and one less may wait.
    for (let faster = true; faster; ) {
      const surplus = new Map<CatchupOfRow, Policy>();
      for (const [uid, found] of rows) {
        const policy = policies.get(uid);
        if (policy === undefined) continue;
        for (const row of Map.groupBy(found, one => one.row).values()) {
          for (const run of beyond(row, boundOf(policy))) surplus.set(run, policy);
        }
      }
      const withdrawn = new Set(await this.#withdraw(surplus));
      faster = withdrawn.size < surplus.size;
      const became = (one: CatchupOfRow): CatchupOfRow =>
        surplus.has(one) ? { ...one, is: withdrawn.has(one) ? 'over' : 'begun' } : one;
      rows = new Map([...rows].map(([uid, found]) => [uid, found.map(became)]));
    }
  }

  /** Gives those that no worker has begun. */
  async #withdraw(runs: ReadonlyMap<CatchupOfRow, Policy>): Promise<readonly CatchupOfRow[]> {
    if (runs.size === 0) return [];
    const { store, term, clock, metrics } = this.#office;
    const withdrawn = await withdraw(this.#office, [...runs.keys()]);
    const expired = withdrawn.map((run): Findings['expired'][number] => ({
      run: run.id,
      reason: runs.get(run)?.misfirePolicy === 'RunAll' ? 'MisfireLimit' : 'Superseded',
      message: 'a later missed tick of the job takes its place',
    }));
    await store.account(term, { ...nothingFound, expired }, clock());
    for (const { reason } of expired) metrics.skips.inc({ reason });
    return withdrawn;
  }
}
