import { type Book, clock, described, keyOf, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';

/** So many later claims must have started before a start is called late. */
const witnesses = 3;

/**
 * A claim starts while the session that made it can live, or never: no start comes later than twice the session's TTL
 * after its claim. Nobody outside sees a claim, but tokens rise with them: one with a smaller token was claimed before
 * any start with a larger one.
 */
export function fence(book: Book): Violation[] {
  const falling = book.history.starts
    .map(start => ({ start, token: BigInt(start.token) }))
    .sort(byToken)
    .reverse();
  /** When the first of those with larger tokens began: one alone, whose token is wrong, proves nothing of all others. */
  let first: number[] = [];
  const found: Violation[] = [];
  for (const { start } of falling) {
    const claimedBefore = first[witnesses - 1];
    if (claimedBefore !== undefined && start.at - claimedBefore > bounds.sessionEnd) {
      const late = ((start.at - claimedBefore) / 1_000).toFixed(1);
      const what = `${keyOf(start)}: ${described(start)} began ${late} s or more after its claim, which was before ${clock(claimedBefore)}`;
      found.push({ rule: 'fence', what });
    }
    first = [...first, start.at].sort((a, b) => a - b).slice(0, witnesses);
  }
  return found;
}

function byToken(a: { readonly token: bigint }, b: { readonly token: bigint }): number {
  return a.token < b.token ? -1 : a.token > b.token ? 1 : 0;
}
