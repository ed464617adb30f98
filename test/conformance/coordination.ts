import { after, before, describe } from 'node:test';
import { catalogSuite } from './coordination/catalog.ts';
import { electionSuite } from './coordination/election.ts';
import { feedSuite } from './coordination/feed.ts';
import { keysSuite } from './coordination/keys.ts';
import { locksSuite } from './coordination/locks.ts';
import type { Context, Subject } from './coordination/subject.ts';
import { watchSuite } from './coordination/watch.ts';

export type { Subject } from './coordination/subject.ts';

/** What every adapter of the coordination port does, and what is built on it. `more`: an adapter's own tests on the same subject. */
export function coordinationConformance(
  name: string,
  open: () => Promise<Subject>,
  options: { readonly skip?: string | false; readonly more?: (context: Context) => void } = {},
): void {
  describe(`coordination: ${name}`, { skip: options.skip ?? false }, () => {
    let subject: Subject | undefined;
    const context: Context = () => {
      if (subject === undefined) throw new Error('the subject is not open');
      return subject;
    };
    before(async () => {
      subject = await open();
    });
    after(() => subject?.close());
    for (const suite of [keysSuite, locksSuite, watchSuite, catalogSuite, feedSuite, electionSuite]) suite(context);
    options.more?.(context);
  });
}
