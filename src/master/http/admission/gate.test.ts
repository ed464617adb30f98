import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronmeshError } from '../../../domain/errors.ts';
import { Gate } from './gate.ts';

const limits = { active: 4, waiting: 6, patience: 60_000 };
const refused = (code: string) => (error: unknown) => error instanceof CronmeshError && error.code === code;

describe('a gate', () => {
  it('lets as many in as it may, and the others as places come free, the oldest first', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate('reads', { ...limits, activePerClient: 4 });
    const leave = await Promise.all(Array.from({ length: 4 }, () => gate.enter('a')));
    const order: string[] = [];
    const later = ['b', 'c'].map(client => gate.enter(client).then(() => order.push(client)));
    assert.deepEqual([gate.active, gate.waiting], [4, 2]);
    leave[0]?.();
    leave[1]?.();
    await Promise.all(later);
    assert.deepEqual(order, ['b', 'c']);
    assert.deepEqual([gate.active, gate.waiting], [4, 0]);
  });

  it('keeps half of the places from one client: others pass those of it that wait', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate('reads', limits);
    await gate.enter('greedy');
    const leave = await gate.enter('greedy');
    let third = false;
    const waiting = gate.enter('greedy').then(() => {
      third = true;
    });
    await gate.enter('modest');
    await gate.enter('modest');
    assert.equal(third, false);
    leave();
    await waiting;
  });

  it('refuses a client that has its share waiting (429), and everybody when it is full (503)', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate('reads', limits);
    for (let i = 0; i < 5; i++) void gate.enter('greedy');
    await assert.rejects(gate.enter('greedy'), refused('TooManyRequests'));
    for (const client of ['b', 'c', 'd', 'e', 'f']) void gate.enter(client);
    await assert.rejects(gate.enter('g'), refused('Overloaded'));
    // Those that get in give up their timers, which are this test's.
    await new Promise(setImmediate);
  });

  it('lets in no more than its places in one turn, though each is gone before the next one comes', async () => {
    const gate = new Gate('reads', { ...limits, waiting: 40 });
    let served = 0;
    const all = Array.from({ length: 12 }, async (_, i) => {
      const leave = await gate.enter(`client-${i}`);
      served++;
      leave();
    });
    assert.equal(served, 0);
    await new Promise(setImmediate);
    assert.ok(served > 0 && served <= 4, `${served} in the first turn`);
    await Promise.all(all);
    assert.equal(served, 12);
  });

  it('refuses who waited for too long, and forgets it', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate('reads', { ...limits, active: 1 });
    const leave = await gate.enter('a');
    const late = assert.rejects(gate.enter('b'), refused('Overloaded'));
    t.mock.timers.tick(60_000);
    await late;
    leave();
    leave();
    assert.deepEqual([gate.active, gate.waiting], [0, 0]);
    await gate.enter('c');
  });

  it('without a queue refuses at once, and says whose share it is', async () => {
    const gate = new Gate('streams', { active: 2, activePerClient: 1, waiting: 0, patience: 60_000 });
    await gate.enter('a');
    await assert.rejects(gate.enter('a'), refused('TooManyRequests'));
    await gate.enter('b');
    await assert.rejects(gate.enter('c'), refused('Overloaded'));
  });

  it('lets timers and sockets have their turn between those that waited', async () => {
    const gate = new Gate('reads', { ...limits, active: 1, waiting: 20, activePerClient: 1 });
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (gate.waiting > 0) setImmediate(turn);
    };
    const first = await gate.enter('a');
    const others = Array.from({ length: 9 }, async () => (await gate.enter('a'))());
    setImmediate(turn);
    first();
    await Promise.all(others);
    assert.ok(turns >= 8, `${turns} turns between 9 requests`);
  });
});
