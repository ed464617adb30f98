import type { Start } from '../../history/history.ts';
import { type Book, described, keyOf, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';
import { limitOf, possibleIn } from '../jobs.ts';

/**
 * Never more runs at once than a job allows, and the fencing tokens of exclusive runs rise. Where the limit was edited
 * while runs went, the higher one counts for both (docs/limits.md).
 */
export function overlaps(book: Book): Violation[] {
  return [...book.startsOfJob.values()].flatMap(all => [
    ...all.flatMap((start, i) => beside(book, start, all.slice(0, i))),
    ...all.flatMap(start => provenOverlap(book, start, all)),
    ...tokens(book, all),
  ]);
}

function beside(book: Book, start: Start, earlier: readonly Start[]): Violation[] {
  // Attempts of one run have a rule of their own.
  const others = earlier.filter(one => one.run !== start.run && knownOver(book, one) > start.at);
  const most = limitAt(book, [start, ...others]);
  if (most === undefined || others.length < most) return [];
  const what = `${keyOf(start)} allows ${most}: ${described(start)} beside ${others.map(described).join('; ')}`;
  return [{ rule: 'overlap', what }];
}

/**
 * Until when it surely went on. A shell run that was ended from outside is seen to be gone some time after, longer on a
 * busy machine: what it still held when another began just then is the kernel's to say (`provenOverlap`).
 */
function knownOver(book: Book, start: Start): number {
  const seenLate = start.kind === 'shell' && start.end === undefined && start.gone !== undefined;
  return book.overAt(start) - (seenLate ? bounds.goneLate : bounds.goneSlack);
}

/** The kernel said so: its job's locks were all held by processes of other runs. */
function provenOverlap(book: Book, start: Start, all: readonly Start[]): Violation[] {
  if (start.overlapped !== true) return [];
  const before = all.filter(one => one !== start && one.at <= start.at && start.at - one.at <= bounds.settle);
  const most = limitAt(book, [start, ...before]);
  if (most === undefined) return [];
  return [
    { rule: 'overlap', what: `${keyOf(start)}: ${described(start)} found its locks held by processes of other runs` },
  ];
}

/** What all versions that may have been in force when these began allow; undefined where one allows any number. */
function limitAt(book: Book, starts: readonly Start[]): number | undefined {
  let most = 0;
  for (const start of starts) {
    const job = book.jobs.get(keyOf(start));
    for (const version of job === undefined ? [] : possibleIn(job, start.at - bounds.inForce, start.at)) {
      const limit = limitOf(version);
      if (limit === undefined) return undefined;
      most = Math.max(most, limit);
    }
  }
  return most === 0 ? undefined : most;
}

function tokens(book: Book, all: readonly Start[]): Violation[] {
  return all.flatMap((start, i): Violation[] => {
    const before = all[i - 1];
    if (before === undefined || limitAt(book, [before, start]) !== 1) return [];
    if (BigInt(start.token) > BigInt(before.token)) return [];
    return [
      {
        rule: 'token',
        what: `${keyOf(start)}: ${described(start)} has ${start.token} after ${before.token} of ${described(before)}`,
      },
    ];
  });
}
