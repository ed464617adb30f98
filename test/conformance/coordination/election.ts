import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Election, type Leadership } from '../../../src/coordination/election.ts';
import { decode, type LeaderRecord } from '../../../src/coordination/records.ts';
import { silentLogger } from '../../../src/observability/logger.ts';
import { eventually } from '../../support/process.ts';
import { type Context, Heard, refused } from './subject.ts';

interface Event {
  readonly candidate: string;
  readonly what: 'elected' | 'lost';
  readonly leadership: Leadership;
}

export function electionSuite(context: Context): void {
  let roles = 0;

  /** Candidates for one role, with the terms that a database would give. */
  function contest(more: Partial<ConstructorParameters<typeof Election>[0]> = {}) {
    const role = `role-${process.pid}-${++roles}`;
    const heard = new Heard<Event>();
    let term = 0;
    const stand = (candidate: string) =>
      new Election({
        coordinator: context().coordinator,
        logger: silentLogger,
        role,
        candidate,
        nextTerm: async () => ++term,
        onElected: leadership => heard.add({ candidate, what: 'elected', leadership }),
        onLost: leadership => heard.add({ candidate, what: 'lost', leadership }),
        lockDelay: 300,
        ...more,
      });
    return { heard, stand };
  }

  describe('election', () => {
    test('one of two leads; when it stops, the other does, in a later term', async () => {
      const { coordinator } = context();
      const { heard, stand } = contest();
      const elections = [stand('a'), stand('b')];
      for (const election of elections) await election.start();
      const first = await heard.first('a leader', ({ what }) => what === 'elected');
      assert.equal(first.leadership.valid, true);
      const entry = await coordinator.get(first.leadership.lockKey, { consistent: true });
      assert.ok(entry);
      assert.equal(entry.session, first.leadership.session);
      assert.deepEqual(decode<LeaderRecord>(entry), { v: 1, master: first.candidate, term: first.leadership.term });
      assert.ok((await coordinator.transact([first.leadership.guard])).ok);
      assert.equal(heard.all.filter(({ what }) => what === 'elected').length, 1);

      const leading = elections.find(election => election.leadership !== undefined);
      await leading?.stop();
      assert.equal(first.leadership.signal.aborted, true);
      assert.equal(first.leadership.valid, false);
      const second = await heard.first('the other', e => e.what === 'elected' && e.candidate !== first.candidate);
      assert.ok(second.leadership.term > first.leadership.term);
      assert.deepEqual(await refused(coordinator, first.leadership.guard), [0]);
      for (const election of elections) await election.stop();
    });

    test('a leader whose session is lost steps down, and someone leads again in a later term', async () => {
      const { lose } = context();
      const { heard, stand } = contest();
      const elections = [stand('a'), stand('b')];
      for (const election of elections) await election.start();
      const first = await heard.first('a leader', ({ what }) => what === 'elected');
      await lose(first.leadership.session);
      await heard.first('stepped down', ({ what }) => what === 'lost');
      assert.equal(first.leadership.valid, false);
      const next = await heard.first(
        'a leader',
        ({ what, leadership }) => what === 'elected' && leadership !== first.leadership,
      );
      assert.ok(next.leadership.term > first.leadership.term);
      for (const election of elections) await election.stop();
    });

    test('a slow listener holds up no renewal, and its loss is told after it', async () => {
      const { coordinator } = context();
      const entered = Promise.withResolvers<Leadership>();
      const order: string[] = [];
      const { stand } = contest({
        onElected: async leadership => {
          entered.resolve(leadership);
          await new Promise(resolve => leadership.signal.addEventListener('abort', resolve));
          order.push('elected ended');
        },
        onLost: () => {
          order.push('lost');
        },
      });
      const election = stand('slow');
      await election.start();
      const leadership = await entered.promise;
      let renewals = 0;
      const { renewSession } = coordinator;
      coordinator.renewSession = (session, signal) => {
        if (session === leadership.session) renewals++;
        return renewSession.call(coordinator, session, signal);
      };
      await eventually('two renewals', () => renewals >= 2);
      coordinator.renewSession = renewSession;
      assert.equal(leadership.valid, true);
      await election.stop();
      assert.deepEqual(order, ['elected ended', 'lost']);
    });

    test('who may not lead does not, and who resigns stands again', async () => {
      let may = false;
      const asked = Promise.withResolvers<void>();
      const { heard, stand } = contest({
        eligible: () => {
          asked.resolve();
          return may;
        },
      });
      const election = stand('a');
      await election.start();
      await asked.promise;
      assert.equal(election.leadership, undefined);
      may = true;
      const first = await heard.first('elected', ({ what }) => what === 'elected');
      election.resign('the clock is wrong');
      assert.equal(first.leadership.signal.aborted, true);
      assert.equal(election.leadership, undefined);
      const again = await heard.first('elected again', e => e.what === 'elected' && e.leadership !== first.leadership);
      assert.ok(again.leadership.term > first.leadership.term);
      await election.stop();
    });

    test('without a term nobody leads, and the lock is given back', async () => {
      let failures = 0;
      const { heard, stand } = contest({
        nextTerm: async () => {
          if (failures++ < 2) throw new Error('the database is away');
          return 7;
        },
      });
      const election = stand('a');
      await election.start();
      const { leadership } = await heard.first('elected', ({ what }) => what === 'elected');
      assert.equal(leadership.term, 7);
      await election.stop();
      assert.equal(await context().coordinator.get(leadership.lockKey, { consistent: true }), undefined);
    });
  });
}
