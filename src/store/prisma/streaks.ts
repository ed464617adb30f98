import { type CountedEnd, type Streak, streakWith } from '../../domain/policy/streak.ts';
import type { Instant } from '../../domain/time.ts';
import type { Transaction } from './database.ts';
import { number } from './values.ts';

/** Failures up to `since` do not count any more. */
export async function beginStreak(transaction: Transaction, jobUid: string, since: Instant): Promise<void> {
  const anew = { since: BigInt(since), failures: [] };
  await transaction.streak.upsert({ where: { jobUid }, create: { jobUid, ...anew }, update: anew });
}

/** Takes in ends of a job's runs; gives its failures in a row, oldest first. */
export async function countStreak(
  transaction: Transaction,
  jobUid: string,
  anchor: Instant,
  ends: readonly CountedEnd[],
): Promise<Streak['failures']> {
  const row = await transaction.streak.findUnique({ where: { jobUid } });
  const before: Streak =
    row === null
      ? { since: anchor, failures: [] }
      : { since: number(row.since), failures: row.failures as unknown as Streak['failures'] };
  const { since, failures } = ends.reduce(streakWith, before);
  const data = { since: BigInt(since), failures: failures.map(({ run, at }) => ({ run, at })) };
  await transaction.streak.upsert({ where: { jobUid }, create: { jobUid, ...data }, update: data });
  return failures;
}
