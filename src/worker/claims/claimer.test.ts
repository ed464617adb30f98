import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { maxOperations, type Operation } from '../../coordination/coordinator.ts';
import { epochKey } from '../../coordination/keys.ts';
import { MemoryCoordinator } from '../../coordination/memory/memory.ts';
import { Freezes } from '../../domain/policy/freeze.ts';
import { silentLogger } from '../../observability/logger.ts';
import { Claimer } from './claimer.ts';
import { Lane } from './lane.ts';
import type { ClaimContext, Proposal } from './proposal.ts';

describe('claimer', () => {
  let coordinator: MemoryCoordinator;
  let sent: (readonly Operation[])[];
  let context: ClaimContext | undefined;
  let past: string[];
  let outcomes: Map<string, string>;
  let claimer: Claimer;

  beforeEach(async () => {
    coordinator = new MemoryCoordinator();
    await coordinator.transact([{ verb: 'set', key: epochKey, value: '{"v":1}' }]);
    sent = [];
    past = [];
    outcomes = new Map();
    context = {
      epoch: { number: 1, floor: 0, beat: 1 },
      session: 's',
      now: 0,
      since: 0,
      settled: true,
      freezes: new Freezes(),
    };
    const recording = {
      transact: (operations: readonly Operation[]) => {
        sent.push(operations);
        return coordinator.transact(operations);
      },
    } as MemoryCoordinator;
    claimer = new Claimer({
      coordinator: recording,
      lanes: [new Lane('cron/lane/w/0'), new Lane('cron/lane/w/1')],
      context: () => context,
      accepts: () => true,
      onPast: why => past.push(why),
      onQuiet: () => {},
      signal: new AbortController().signal,
      logger: silentLogger,
    });
  });
  afterEach(() => coordinator.close());

  const three = (name: string, index = 0): Operation[] => [
    { verb: 'check-not-exists', key: `job/${name}` },
    { verb: 'cas', key: `cursor/${name}`, value: '{}', index },
    { verb: 'set', key: `lock/${name}`, value: '{}' },
  ];
  const proposal = (name: string, build: () => Operation[] | undefined): Proposal => ({
    build,
    won: ({ entries }) => outcomes.set(name, `won ${entries?.length}`),
    lost: loss =>
      outcomes.set(name, loss.why === 'failed' ? `failed ${loss.operations.map(({ key }) => key)}` : loss.why),
  });

  it('sends 42 claims in one transaction, as many under way as there are lanes', async () => {
    for (let i = 0; i < 100; i++) claimer.submit(proposal(`p${i}`, () => three(`p${i}`)));
    assert.equal(sent.length, 2);
    await claimer.idle();
    assert.deepEqual(
      sent.map(({ length }) => length),
      [maxOperations, maxOperations, 2 + 16 * 3],
    );
    assert.equal([...outcomes.values()].filter(one => one === 'won 3').length, 100);
  });

  it('sends the others again without those that failed, and asks each again whether it still wants to', async () => {
    await coordinator.transact([{ verb: 'set', key: 'cursor/b', value: '1' }]);
    let asked = 0;
    claimer.submit(proposal('a', () => three('a')));
    claimer.submit(proposal('b', () => three('b')));
    claimer.submit(proposal('c', () => (asked++ === 0 ? three('c') : undefined)));
    await claimer.idle();
    assert.deepEqual(Object.fromEntries(outcomes), { a: 'won 3', b: 'failed cursor/b', c: 'withdrawn' });
    assert.equal(await coordinator.get('cursor/c'), undefined);
  });

  it('turns everything away while nothing may be claimed', async () => {
    context = undefined;
    claimer.submit(proposal('a', () => three('a')));
    await claimer.idle();
    assert.deepEqual(Object.fromEntries(outcomes), { a: 'paused' });
    assert.equal(sent.length, 0);
  });

  it('holds when its lane is not what it made it', async () => {
    claimer.submit(proposal('a', () => three('a')));
    await claimer.idle();
    coordinator.wipe();
    await coordinator.transact([{ verb: 'set', key: epochKey, value: '{"v":1}' }]);
    for (const name of ['b', 'c']) {
      claimer.submit(proposal(name, () => three(name)));
      await claimer.idle();
    }
    assert.ok(
      past.some(why => why.includes('index is stale')),
      past.join(),
    );
    assert.ok([...outcomes.values()].includes('paused'));
  });
});
