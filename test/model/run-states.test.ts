import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Store, Term } from '../../src/store/store.ts';
import { newRun } from '../conformance/store/fixtures.ts';
import { transitions } from './transitions.ts';
import { trueEnd, World } from './world.ts';

let store: Store;
let term: Term;
before(async () => {
  store = await openPgliteStore();
  await store.migrate();
  term = await store.nextTerm('scheduler', 'master-1');
});
after(() => store.close());

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: 'claim' } as const) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('act' as const),
      what: fc.constantFrom('start', 'print', 'print', 'print', 'Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), which: fc.nat(3), from: fc.nat(4), count: fc.nat(4) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('decide' as const), retry: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('due' as const), asked: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      { do: 'lose' } as const,
      { do: 'expire' } as const,
      { do: 'kill' } as const,
      { do: 'handBack' } as const,
      { do: 'handBack' } as const,
    ),
  },
);

test('whatever happens in whatever order, a run keeps its promises', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { minLength: 8, maxLength: 30 }), async (asked, steps) => {
      const request = newRun();
      const world = new World(store, term, request);
      try {
        await world.begin(asked);
        for (const one of steps) {
          if (one.do === 'claim') world.claim();
          else if (one.do === 'act') world.act(one.what);
          else if (one.do === 'deliver') await world.deliver(one.which, one.from, one.count);
          else if (one.do === 'decide') await world.decide(one.retry);
          else if (one.do === 'due') await world.due(one.asked);
          else await world[one.do]();
        }
        const wasFinal = world.row !== undefined && transitions[world.row.state].length === 0;
        await world.settle();
        const { row } = world;
        if (row === undefined) return;
        // What its worker told of the last attempt is what the row says, unless that was over before.
        const end = trueEnd(world);
        if (!wasFinal && end !== undefined && row.attempt === world.attempts.at(-1)?.number) {
          assert.ok(row.state === end || row.state === 'Killed' || row.retryDecided, `${row.state}, not ${end}`);
        }
        // Each attempt keeps its own output, each piece once.
        const lines = await store.runLogs(request.id, { after: 0, limit: 1_000 });
        for (const attempt of world.attempts) {
          if (attempt.reports.length === 1) continue;
          const printed = attempt.reports.filter(({ type }) => type === 'output').length;
          const kept = lines.filter(line => line.attempt === attempt.number).map(line => line.text);
          assert.deepEqual(
            kept,
            Array.from({ length: printed }, (_, i) => `${i};`),
          );
        }
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${world.trace.join('\n')}`, { cause: error });
      }
    }),
    { numRuns: 250 },
  );
});

test('the drawing in docs/states.md is the table that is tested', () => {
  const text = readFileSync(new URL('../../docs/states.md', import.meta.url), 'utf8');
  const drawn = [...text.matchAll(/^ {4}(\S+) --> (\w+)/gm)].map(([, from, to]) => `${from} ${to}`).sort();
  const table = Object.entries(transitions)
    .flatMap(([from, all]) => all.map(to => `${from === 'new' ? '[*]' : from} ${to}`))
    .sort();
  assert.deepEqual(drawn, table);
});
