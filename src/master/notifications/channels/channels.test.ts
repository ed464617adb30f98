import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { startMailServer, startReceiver } from '../../../../test/support/receiver.ts';
import type { JobUid } from '../../../domain/job/job.ts';
import type { RunId } from '../../../domain/run/run.ts';
import { type Delivery, DeliveryError } from './channel.ts';
import { dingtalk, feishu, slack, wecom } from './chat.ts';
import { createChannel } from './index.ts';
import { webhook } from './webhook.ts';

const tick = Date.UTC(2026, 10, 24, 3);
const delivery: Delivery = {
  id: 'uid-abc/Failure/0',
  jobUid: 'uid' as JobUid,
  namespace: 'default',
  name: 'backup',
  channel: 'ops',
  event: 'Failure',
  run: 'uid-abc' as RunId,
  createdAt: tick + 5_000,
  content: {
    event: 'Failure',
    namespace: 'default',
    job: 'backup',
    at: tick + 4_000,
    tick,
    run: 'uid-abc' as RunId,
    state: 'Failed',
    failures: 2,
    title: 'Failure: default/backup',
    text: 'Run uid-abc ended as Failed: 1 < 2 & é.',
  },
};
const signal = () => AbortSignal.timeout(5_000);
const clock = () => 1_700_000_000_123;

test('a webhook is signed as Standard Webhooks says, with the same id for every try', async t => {
  const { url, received } = await startReceiver(t);
  const secret = `whsec_${Buffer.from('a key of some length').toString('base64')}`;
  const channel = webhook(`${url}/hook?x=1`, secret, clock);
  await channel.send(delivery, signal());
  await channel.send(delivery, signal());
  const [first, second] = received;
  assert.ok(first && second);
  assert.equal(first.url, '/hook?x=1');
  assert.equal(first.headers['webhook-id'], 'uid-abc/Failure/0');
  assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
  assert.equal(first.headers['webhook-timestamp'], '1700000000');
  const signed = `uid-abc/Failure/0.1700000000.${first.body}`;
  const expected = createHmac('sha256', 'a key of some length').update(signed).digest('base64');
  assert.equal(first.headers['webhook-signature'], `v1,${expected}`);
  const body = JSON.parse(first.body);
  assert.equal(body.type, 'run.failure');
  assert.equal(body.timestamp, '2026-11-24T03:00:05Z');
  assert.equal(body.data.tick, '2026-11-24T03:00:00Z');
  assert.equal(body.data.failures, 2);
});

test('without a secret nothing is signed', async t => {
  const { url, received } = await startReceiver(t);
  await createChannel({ webhook: { url } }).send(delivery, signal());
  assert.equal(received[0]?.headers['webhook-signature'], undefined);
});

test('what a receiver says decides whether it is tried again, and the URL is never told', async t => {
  const cases = [
    [500, true],
    [503, true],
    [429, true],
    [404, false],
    [400, false],
    [302, false],
  ] as const;
  for (const [status, retryable] of cases) {
    const { url } = await startReceiver(t, response => response.writeHead(status).end('no\n'));
    const error = await webhook(`${url}/secret-path`, undefined)
      .send(delivery, signal())
      .then(
        () => undefined,
        (one: unknown) => one,
      );
    assert.ok(error instanceof DeliveryError, String(status));
    assert.equal(error.message, `the receiver answered ${status}: no`);
    assert.equal(error.retryable, retryable, String(status));
    assert.doesNotMatch(error.message, /secret-path/);
  }
});

test('Slack gets its text, escaped', async t => {
  const { url, received } = await startReceiver(t);
  await slack(url).send(delivery, signal());
  assert.deepEqual(JSON.parse(received[0]?.body ?? ''), {
    text: '*Failure: default/backup*\nRun uid-abc ended as Failed: 1 &lt; 2 &amp; é.',
  });
});

test('DingTalk is signed in the query, and its answer is read', async t => {
  const { url, received } = await startReceiver(t, response => response.end('{"errcode":0,"errmsg":"ok"}'));
  await dingtalk(`${url}/robot/send?access_token=t`, 'SEC1', clock).send(delivery, signal());
  const asked = new URL(received[0]?.url ?? '', 'http://x');
  assert.equal(asked.searchParams.get('access_token'), 't');
  assert.equal(asked.searchParams.get('timestamp'), '1700000000123');
  const expected = createHmac('sha256', 'SEC1').update('1700000000123\nSEC1').digest('base64');
  assert.equal(asked.searchParams.get('sign'), expected);
  assert.equal(JSON.parse(received[0]?.body ?? '').msgtype, 'text');
  const wrong = await startReceiver(t, response => response.end('{"errcode":310000,"errmsg":"sign not match"}'));
  await assert.rejects(dingtalk(wrong.url, 'x').send(delivery, signal()), {
    message: 'the receiver refused it: 310000 sign not match',
    retryable: false,
  });
  const busy = await startReceiver(t, response => response.end('{"errcode":130101,"errmsg":"send too fast"}'));
  await assert.rejects(dingtalk(busy.url, undefined).send(delivery, signal()), { retryable: true });
});

test('Feishu is signed in the body', async t => {
  const { url, received } = await startReceiver(t, response => response.end('{"code":0,"msg":"success"}'));
  await feishu(url, 'key', clock).send(delivery, signal());
  const body = JSON.parse(received[0]?.body ?? '');
  const expected = createHmac('sha256', '1700000000\nkey').update('').digest('base64');
  assert.deepEqual([body.timestamp, body.sign, body.msg_type], ['1700000000', expected, 'text']);
  assert.match(body.content.text, /^Failure: default\/backup\nRun uid-abc/);
  const wrong = await startReceiver(t, response => response.end('{"code":19021,"msg":"sign match fail"}'));
  await assert.rejects(feishu(wrong.url, 'x').send(delivery, signal()), /19021 sign match fail/);
});

test('WeCom gets its text', async t => {
  const { url, received } = await startReceiver(t, response => response.end('{"errcode":0}'));
  await wecom(url).send(delivery, signal());
  assert.match(JSON.parse(received[0]?.body ?? '').text.content, /^Failure: default\/backup\n/);
});

test('mail arrives, with its text whole and its user logged in', async t => {
  const { address, mails } = await startMailServer(t);
  const to = ['ops@example.org', 'ada@example.org'];
  const channel = createChannel({ email: { smtp: `smtp://user:pass@${address}`, from: 'cronmesh@example.org', to } });
  await channel.send(delivery, signal());
  const [mail] = mails;
  assert.deepEqual(mail?.to, to);
  assert.equal(mail?.user, 'user');
  assert.match(mail?.raw ?? '', /^Subject: \[cronmesh\] Failure: default\/backup\r?$/m);
  assert.match(mail?.raw ?? '', /^Auto-Submitted: auto-generated\r?$/m);
  assert.match(mail?.raw ?? '', /1 < 2 & =C3=A9\./);
});

test('a mail server that refuses for good is not asked again, one that refuses for now is', async t => {
  for (const [code, final] of [
    [550, true],
    [451, false],
  ] as const) {
    const { address } = await startMailServer(t, { code });
    const channel = createChannel({
      email: { smtp: `smtp://${address}`, from: 'a@example.org', to: ['b@example.org'] },
    });
    const error = await channel.send(delivery, signal()).then(
      () => undefined,
      (one: unknown) => one,
    );
    assert.ok(error instanceof Error);
    assert.equal(error instanceof DeliveryError && !error.retryable, final, `${code}: ${error.message}`);
  }
});

test('a receiver that hangs is cut off, of whatever kind', async t => {
  const { url } = await startReceiver(t, () => {});
  const hanging = [
    { webhook: { url } },
    { slack: { url } },
    { email: { smtp: url.replace('http', 'smtp'), from: 'a@example.org', to: ['b@example.org'] } },
  ];
  for (const settings of hanging) {
    const began = performance.now();
    await assert.rejects(createChannel(settings).send(delivery, AbortSignal.timeout(200)));
    assert.ok(performance.now() - began < 3_000);
  }
});
