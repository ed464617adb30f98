import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../observability/logger.ts';
import { Services } from './runtime.ts';

test('services start in order and stop in the reverse order, once', async () => {
  const said: string[] = [];
  const named = (name: string) => ({
    start: async () => void said.push(`start ${name}`),
    stop: async () => void said.push(`stop ${name}`),
  });
  const services = new Services([named('a'), named('b')], silentLogger);
  await services.stop();
  await services.start();
  await services.stop();
  await services.stop();
  assert.deepEqual(said, ['start a', 'start b', 'stop b', 'stop a']);
});

test('what was started is stopped when a later one fails', async () => {
  const said: string[] = [];
  const failing = {
    start: () => Promise.reject(new Error('refused')),
    stop: async () => void said.push('stop failing'),
  };
  const first = { start: async () => void said.push('start first'), stop: async () => void said.push('stop first') };
  const never = { start: async () => void said.push('start never'), stop: async () => void said.push('stop never') };
  await assert.rejects(new Services([first, failing, never], silentLogger).start(), /refused/);
  assert.deepEqual(said, ['start first', 'stop failing', 'stop first']);
});
