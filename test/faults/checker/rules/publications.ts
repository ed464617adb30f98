import { type Book, clock, type Violation } from '../book.ts';
import { touches } from '../spans.ts';

/** What Consul has of a job never goes back, but where Consul itself lost its past. */
export function publications(book: Book): Violation[] {
  const newest = new Map<string, { readonly revision: number; readonly at: number }>();
  return book.history.jobSets.flatMap(({ at, consul = {} }) =>
    Object.entries(consul).flatMap(([key, revision]): Violation[] => {
      const before = newest.get(key);
      newest.set(key, { revision, at });
      if (before === undefined || revision >= before.revision) return [];
      // One that was made anew counts from 1 again, and may have been published some time after that.
      const anew = book.jobs
        .get(key)
        ?.edits.some(({ action, sent }) => action === 'create' && sent <= at && sent >= before.at - 120_000);
      if (anew === true || touches(book.world.pastLost, before.at, at)) return [];
      return [
        {
          rule: 'publication',
          what: `${key} went back from revision ${before.revision} to ${revision} at ${clock(at)}`,
        },
      ];
    }),
  );
}
