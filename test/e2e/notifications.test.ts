import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { consulSkip } from '../support/consul.ts';
import { postgresSkip } from '../support/postgres.ts';
import { eventually } from '../support/process.ts';
import { startMailServer, startReceiver } from '../support/receiver.ts';
import type { Rest, RunView } from '../support/rest.ts';

const jobs = '/api/v1/namespaces/default/jobs';

describe('notifications in a cluster of separate processes', { skip: consulSkip() || postgresSkip() }, () => {
  let cluster: Cluster;
  let rest: Rest;
  let hooks: Awaited<ReturnType<typeof startReceiver>>;
  let hanging: Awaited<ReturnType<typeof startReceiver>>;
  let moody: Awaited<ReturnType<typeof startReceiver>>;
  let mail: Awaited<ReturnType<typeof startMailServer>>;
  const cleanups: (() => unknown)[] = [];
  let refusals = 2;

  before(async () => {
    const t = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) };
    hooks = await startReceiver(t);
    hanging = await startReceiver(t, () => {});
    moody = await startReceiver(t, response => response.writeHead(refusals-- > 0 ? 503 : 200).end());
    mail = await startMailServer(t);
    const channels = {
      ops: { webhook: { url: hooks.url, secret: { env: 'OPS_SECRET' } } },
      mail: { email: { smtp: `smtp://u:pass@${mail.address}`, from: 'cronmesh@example.org', to: ['ops@example.org'] } },
      hanging: { slack: { url: hanging.url } },
      moody: { slack: { url: moody.url } },
    };
    cluster = await Cluster.start({
      masters: 2,
      workers: 2,
      masterEnv: { CRONMESH_NOTIFICATIONS_CHANNELS: JSON.stringify(channels), OPS_SECRET: 's3cr3t' },
    });
    rest = cluster.rest();
  });
  after(async () => {
    await cluster?.stop();
    for (const cleanup of cleanups) await cleanup();
  });

  const told = () => hooks.received.map(({ body }) => JSON.parse(body));
  const run = async (name: string): Promise<RunView> => {
    const { id } = await rest.post<RunView>(`${jobs}/${name}/trigger`);
    return await eventually(`${name} has ended`, async () => {
      const one = await rest.get<RunView>(`/api/v1/runs/${id}`);
      return ['Succeeded', 'Failed', 'TimedOut'].includes(one.state) && one;
    });
  };

  it('tells of each n-th failure and of the recovery, by webhook and by mail', async () => {
    const flag = join(cluster.folder, 'broken');
    writeFileSync(flag, '');
    const notify = [
      { channel: 'ops', every: 2 },
      { channel: 'mail', template: '$(JOB) is $(STATE) for the $(FAILURES). time: $(MESSAGE)', events: ['Failure'] },
    ];
    const command = `[ ! -e ${flag} ] || exit 7`;
    await rest.post(jobs, {
      metadata: { name: 'moody' },
      spec: { schedule: '@manually', executor: { shell: { command } }, notify },
    });
    const failed = [await run('moody'), await run('moody'), await run('moody')];
    await eventually('three mails', () => mail.mails.length === 3);
    // All that there is to tell of the third is told by now: the webhook has only the second.
    await eventually('the webhook', () => told().length === 1);
    assert.deepEqual([told()[0].type, told()[0].data.run, told()[0].data.failures], ['run.failure', failed[1]?.id, 2]);
    assert.match(mail.mails[2]?.raw ?? '', /moody is Failed for the 3\. time: .*exited with status 7/s);
    rmSync(flag);
    const good = await run('moody');
    await eventually('the recovery', () => told().length === 2);
    assert.deepEqual([told()[1].type, told()[1].data.run, told()[1].data.failures], ['run.recovery', good.id, 3]);
    await run('moody');
    const { items } = await rest.get<{ items: { event: string; state: string }[] }>('/api/v1/notifications?job=moody');
    assert.equal(items.length, 5);
    assert.ok(items.every(({ state }) => state === 'Sent'));
  });

  it('tells of a run that is late, while it is, and of ticks without a run', async () => {
    const before = told().length;
    const notify = [{ channel: 'ops', events: ['Late', 'Missed'], latenessSeconds: 2 }];
    const placement = { selector: { matchLabels: { there: 'is-none' } } };
    await rest.post(jobs, {
      metadata: { name: 'nowhere' },
      spec: {
        schedule: '@manually',
        startingDeadlineSeconds: 12,
        executor: { shell: { command: 'true' } },
        placement,
        notify,
      },
    });
    const { id } = await rest.post<RunView>(`${jobs}/nowhere/trigger`);
    const late = await eventually('late', () => told().find(({ type }) => type === 'run.late'));
    assert.equal(late.data.run, id);
    assert.equal(late.data.state, 'Pending');
    const missed = await eventually('missed', () => told().find(({ type }) => type === 'run.missed'), 60_000);
    assert.equal(missed.data.run, id);
    assert.equal(missed.data.reason, 'NoEligibleWorker');
    assert.equal(told().length, before + 2, 'each once');
  });

  it('tries a receiver again that was down, and a receiver that hangs delays no run and no other channel', async () => {
    const proof = join(cluster.folder, 'steady');
    await rest.post(jobs, {
      metadata: { name: 'steady' },
      spec: {
        schedule: '* * * * * *',
        executor: { shell: { command: `date +%s%N >> ${proof}; exit 1` } },
        notify: [{ channel: 'hanging' }, { channel: 'moody' }],
      },
    });
    await eventually('the receiver that hangs was asked', () => hanging.received.length > 0);
    await eventually('the one that was down has it', () => refusals < -3 && moody.received.length > 5, 60_000);
    await rest.request('DELETE', `${jobs}/steady`);
    const starts = readFileSync(proof, 'utf8')
      .trim()
      .split('\n')
      .map(line => Number(BigInt(line) / 1_000_000n));
    const lateness = starts.map(at => at % 1_000).sort((a, b) => a - b);
    const gaps = starts.slice(1).map((at, i) => at - (starts[i] ?? at));
    // Waiting for the receiver would cost ten seconds.
    assert.ok(Math.max(...gaps) < 3_000, `gaps ${gaps}`);
    assert.ok((lateness[Math.floor(lateness.length / 2)] ?? 1_000) < 800, `lateness ${lateness}`);
    const items = await eventually('one was sent at a later try', async () => {
      const path = '/api/v1/notifications?job=steady&limit=500';
      const { items } = await rest.get<{ items: { channel: string; state: string; attempts: number }[] }>(path);
      return (
        items.some(({ channel, state, attempts }) => channel === 'moody' && state === 'Sent' && attempts > 1) && items
      );
    });
    assert.ok(items.every(({ channel, state }) => channel !== 'hanging' || state !== 'Sent'));
  });

  it('refuses a channel that is not configured', async () => {
    const spec = {
      schedule: '@daily',
      executor: { shell: { command: 'true' } },
      notify: [{ channel: 'ops' }, { channel: 'nobody' }],
    };
    const answer = await rest.request('POST', jobs, { metadata: { name: 'wrong' }, spec });
    assert.equal(answer.status, 400);
    const { errors } = (await answer.json()) as { errors: unknown[] };
    const message =
      "is no channel of the masters' configuration (notifications.channels): there are ops, mail, hanging, moody";
    assert.deepEqual(errors, [{ field: 'spec.notify[1].channel', value: '"nobody"', message }]);
  });
});
