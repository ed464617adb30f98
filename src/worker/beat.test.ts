import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { epochKey } from '../coordination/keys.ts';
import { MemoryCoordinator } from '../coordination/memory/memory.ts';
import { monotonicNow } from '../coordination/monotonic.ts';
import { type EpochRecord, encode } from '../coordination/records.ts';
import { timing } from '../domain/policy/timing.ts';
import type { Milliseconds } from '../domain/time.ts';
import { silentLogger } from '../observability/logger.ts';
import { Beat } from './beat.ts';
import { Lane } from './claims/lane.ts';

const epoch: EpochRecord = { v: 1, number: 1, floor: 0, beat: 1, leader: 'm', at: 0 };

/** A beat over a Consul that can be told to answer late, or not at all; what hangs is carried out all the same. */
async function setUp(t: TestContext) {
  const coordinator = new MemoryCoordinator();
  await coordinator.transact([{ verb: 'set', key: epochKey, value: encode(epoch) }]);
  const answers = { after: 0 };
  const transact: MemoryCoordinator['transact'] = async (operations, signal) => {
    const answer = await coordinator.transact(operations);
    await delay(answers.after, undefined, { signal, ref: false });
    return answer;
  };
  const heard: Milliseconds[] = [];
  const past: string[] = [];
  const beat = new Beat({
    coordinator: Object.assign(Object.create(coordinator), { transact }),
    lane: new Lane('cron/lane/w/beat'),
    clock: Date.now,
    epoch: () => epoch,
    onHeard: (_shown, _under, sent) => heard.push(sent),
    onPast: why => past.push(why),
    standing: () => ({ running: 0 }),
    peers: () => [],
    onClock: () => {},
    logger: silentLogger,
  });
  beat.start();
  t.after(async () => {
    answers.after = 0;
    await beat.stop();
    await coordinator.close();
  });
  return { answers, heard, past };
}

test('a beat that hangs at a leader which was replaced is given up, and the next one is heard before the worker counts as cut off', async t => {
  const { answers, heard, past } = await setUp(t);
  while (heard.length < 2) await delay(50);
  answers.after = 60_000;
  await delay(2_000);
  answers.after = 0;
  const known = heard.length;
  const last = heard.at(-1) ?? 0;
  while (heard.length === known) await delay(20);
  assert.ok((heard.at(-1) ?? 0) - last < timing.silence, `heard again after ${(heard.at(-1) ?? 0) - last} ms`);
  assert.deepEqual(past, []);
});

test('a Consul that takes longer than that for each answer is waited for', async t => {
  const { answers, heard, past } = await setUp(t);
  answers.after = 1_300;
  const begun = monotonicNow();
  while (heard.length < 4) await delay(50);
  // One that was given up, what became of it, and four beats with their pauses.
  assert.ok(monotonicNow() - begun < 15_000);
  const gaps = heard.slice(1).map((sent, i) => sent - (heard[i] ?? 0));
  assert.ok(Math.max(...gaps) < timing.silence, `${gaps}`);
  assert.deepEqual(past, []);
});
