import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { Api } from '../../../test/support/api.ts';
import { callbackPath } from '../../coordination/keys.ts';
import { type CallbackRecord, decode, encode } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import { limitRate } from './rate.ts';

const run = 'callbackjob00000-m-abc' as RunId;
const token = 'a-token-of-the-test';
const path = `/api/v1/callbacks/${run}/2`;
let api: Api;

before(async () => {
  api = await Api.open();
});
after(() => api.close());
beforeEach(async () => {
  const record: CallbackRecord = {
    v: 1,
    run,
    attempt: 2,
    worker: 'w' as WorkerId,
    tokenHash: createHash('sha256').update(token).digest('hex'),
    until: api.now + 60_000,
  };
  await put(record);
});

const put = (record: CallbackRecord) =>
  api.coordinator.transact([{ verb: 'set', key: callbackPath(run), value: encode(record) }]);
async function stored(): Promise<CallbackRecord | undefined> {
  const entry = await api.coordinator.get(callbackPath(run));
  return entry && decode<CallbackRecord>(entry);
}

test('the right token, in the query or as Bearer, is taken once', async () => {
  const body = { outcome: 'Failed', message: 'no disk', output: 'line\n' };
  const answer = await api.send('POST', `${path}?token=${token}`, body);
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.json, { run, attempt: 2, outcome: 'Failed' });
  assert.deepEqual((await stored())?.answer, body);
  const again = await api.send('POST', path, { outcome: 'Succeeded' }, { authorization: `Bearer ${token}` });
  assert.deepEqual([again.status, again.json.code], [409, 'Conflict']);
  assert.deepEqual((await stored())?.answer, body);
});

test('progress is taken as often as it comes, and not after the answer', async () => {
  const send = async (body: unknown) => (await api.send('POST', `${path}?token=${token}`, body)).status;
  assert.equal(await send({ progress: 10 }), 202);
  assert.equal(await send({ progress: 20.5, message: 'half of a half' }), 202);
  assert.deepEqual((await stored())?.progress, { progress: 20.5, message: 'half of a half' });
  assert.equal(await send({ outcome: 'Succeeded' }), 202);
  assert.deepEqual([(await stored())?.progress, (await stored())?.answer], [undefined, { outcome: 'Succeeded' }]);
  assert.equal(await send({ progress: 30 }), 409);
});

test('of many at once one is taken', async () => {
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      api.send('POST', path, { outcome: 'Succeeded', message: `${i}` }, { authorization: `Bearer ${token}` }),
    ),
  );
  assert.deepEqual(all.map(answer => answer.status).sort(), [202, ...Array.from({ length: 19 }, () => 409)]);
});

test('a wrong token, another attempt, a late one and an unknown run are told apart', async () => {
  const send = async (where: string, authorization = `Bearer ${token}`) => {
    const { status, json } = await api.send('POST', where, { outcome: 'Succeeded' }, { authorization });
    return [status, json.code];
  };
  assert.deepEqual(await send(path, 'Bearer wrong'), [403, 'Forbidden']);
  assert.deepEqual(await send(path, ''), [401, 'Unauthorized']);
  assert.deepEqual(await send(path, 'Basic eDp5'), [401, 'Unauthorized']);
  assert.deepEqual(await send(`/api/v1/callbacks/${run}/1`), [410, 'Gone']);
  assert.deepEqual(await send(`/api/v1/callbacks/${run}/3`, 'Bearer wrong'), [410, 'Gone']);
  assert.deepEqual(await send('/api/v1/callbacks/other-run/2'), [410, 'Gone']);
  assert.deepEqual(await send(`/api/v1/callbacks/${run}/0`), [404, 'NotFound']);
  assert.deepEqual(await send(`/api/v1/callbacks/${run}/x`), [404, 'NotFound']);
  assert.equal((await stored())?.answer, undefined);
  const record = await stored();
  if (record) await put({ ...record, until: api.now - 1 });
  assert.deepEqual(await send(path), [410, 'Gone']);
  assert.deepEqual(await send(path, 'Bearer wrong'), [403, 'Forbidden']);
});

test('a run that has ended takes no callback, though its key is still there', async () => {
  const reference = {
    run,
    attempt: 2,
    jobUid: 'callbackjob00000' as JobUid,
    namespace: 'n',
    name: 'j',
    trigger: 'manual',
  } as const;
  await api.report(
    'w',
    { ...reference, type: 'claimed', at: api.now, fencingToken: '1', revision: 1 },
    { ...reference, type: 'finished', at: api.now, outcome: 'Lost' },
  );
  const { status, json } = await api.send('POST', `${path}?token=${token}`, { outcome: 'Succeeded' });
  assert.deepEqual([status, json.code], [410, 'Gone']);
});

const wrong: readonly (readonly [what: string, body: unknown, status: number, says: RegExp])[] = [
  ['no outcome', {}, 400, /exactly one of outcome and progress is needed/],
  ['both', { outcome: 'Failed', progress: 1 }, 400, /exactly one of outcome and progress is needed/],
  ['too much progress', { progress: 101 }, 400, /progress must be at most 100/],
  ['output on the way', { progress: 1, output: 'x' }, 400, /output is allowed with an outcome only/],
  ['another outcome', { outcome: 'Lost' }, 400, /outcome must be one of "Succeeded", "Failed"/],
  ['an unknown field', { outcome: 'Failed', reason: 'x' }, 400, /reason is not a known field.*message/],
  ['no mapping', [1], 400, /must be a mapping/],
  [
    'a long message',
    { outcome: 'Failed', message: 'x'.repeat(1_001) },
    400,
    /message must have at most 1000 characters/,
  ],
  [
    'a long output',
    { outcome: 'Failed', output: 'x'.repeat(65_537) },
    400,
    /output must have at most 65536 characters/,
  ],
  ['a NUL', { outcome: 'Failed', output: 'a\0' }, 400, /output must be text without NUL/],
  [
    'too much',
    { outcome: 'Failed', output: 'x'.repeat(600_000) },
    413,
    /larger than 524288 bytes; output takes at most 65536/,
  ],
];
for (const [what, body, status, says] of wrong) {
  test(`a body is refused: ${what}`, async () => {
    const answer = await api.send('POST', `${path}?token=${token}`, body);
    assert.equal(answer.status, status);
    assert.match(answer.json.detail, says);
    assert.equal((await stored())?.answer, undefined);
  });
}

test('a flood is refused, and let in again as time goes by', async () => {
  let now = 0;
  const limit = limitRate(2, () => now);
  let passed = 0;
  const call = () => limit({} as never, async () => void passed++);
  await call();
  await call();
  await assert.rejects(async () => await call(), { code: 'TooManyRequests' });
  now = 500;
  await call();
  await assert.rejects(async () => await call(), { code: 'TooManyRequests' });
  assert.equal(passed, 3);
});
