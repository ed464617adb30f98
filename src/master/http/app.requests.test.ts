import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Api, manifest } from '../../../test/support/api.ts';
import { groupLockPath, lockPath, triggerPath } from '../../coordination/keys.ts';
import { encode, type LockRecord, type TriggerRecord } from '../../coordination/records.ts';
import type { JobUid } from '../../domain/job/job.ts';
import type { RunId, WorkerId } from '../../domain/run/run.ts';
import type { WorkerView } from '../services/workers.ts';

const jobs = '/api/v1/namespaces/default/jobs';
const json = { 'content-type': 'application/json' };

describe('runs on request over REST', () => {
  let api: Api;
  let uid: JobUid;
  before(async () => {
    api = await Api.open();
    const shell = { command: 'echo "$1"', env: { A: 'job', B: 'job' } };
    uid = (await api.send('POST', jobs, manifest('a', { executor: { shell } }))).json.metadata.uid;
    await api.send('POST', jobs, manifest('web', { executor: { http: { url: 'https://example.com' } } }));
  });
  after(() => api.close());

  const trigger = (body?: unknown, headers = {}, name = 'a') =>
    api.send('POST', `${jobs}/${name}/trigger`, body, headers);

  it('are delayed: Pending until they are due, and not published before', async () => {
    const { status, json: run } = await trigger({ at: '2026-03-02T13:00:00+01:00' });
    assert.deepEqual([status, run.state, run.requestedAt], [202, 'Pending', '2026-03-02T12:00:00Z']);
    const { json: other } = await trigger({ delaySeconds: 1.5 });
    assert.equal(other.requestedAt, '2026-03-01T12:00:01.500Z');
    assert.deepEqual(api.publishing.triggers, []);
    const pending = await api.store.pendingRuns(100);
    assert.deepEqual(
      pending.map(({ deadline, requestedAt }) => deadline - requestedAt),
      [300_000, 300_000],
    );
    // The last run is none that has not begun.
    assert.equal((await api.send('GET', `${jobs}/a`)).json.status.lastRun, undefined);
  });

  it('begin now without a body, with an empty one, and with a delay of nothing', async () => {
    for (const [body, headers] of [
      [undefined, {}],
      ['', json],
      [{}, {}],
      [{ delaySeconds: 0 }, {}],
    ] as const) {
      const { status, json: run } = await trigger(body, headers);
      assert.deepEqual([status, run.requestedAt], [202, '2026-03-01T12:00:00Z']);
      assert.equal(api.publishing.triggers.at(-1)?.id, run.id);
      assert.deepEqual([run.arguments, run.env], [undefined, undefined]);
    }
  });

  it('bring arguments and variables', async () => {
    const particulars = { arguments: ['-x', '', 'a\n"b" 世界'], env: { OWN: '$HOME', EMPTY: '' } };
    const { json: run } = await trigger(particulars);
    assert.deepEqual([run.arguments, run.env, run.particulars], [particulars.arguments, particulars.env, undefined]);
    assert.deepEqual(api.publishing.triggers.at(-1)?.particulars, particulars);
    assert.deepEqual((await api.send('GET', `/api/v1/runs/${run.id}`)).json.arguments, particulars.arguments);
  });

  const wrong: readonly [body: unknown, field: string, message: RegExp][] = [
    [{ at: 'tomorrow' }, 'at', /must be an instant as RFC 3339, such as/],
    [{ at: '2026-03-02' }, 'at', /must be an instant as RFC 3339/],
    [{ at: 5 }, 'at', /must be a string; put it in quotes: "5"/],
    [{ at: '2026-03-01T12:00:00Z' }, 'at', /must lie ahead, by at most 366 days; leave it out to run now/],
    [{ at: '2026-03-01T11:00:00Z' }, 'at', /must lie ahead/],
    [{ at: '2027-03-02T12:00:01Z' }, 'at', /must lie ahead, by at most 366 days/],
    [{ at: '2026-03-02T12:00:00Z', delaySeconds: 5 }, 'at', /must not be given beside delaySeconds/],
    [{ delaySeconds: -1 }, 'delaySeconds', /must be at least 0/],
    [{ delaySeconds: 366 * 86_400 + 1 }, 'delaySeconds', /must be at most 31622400/],
    [{ delaySeconds: '5' }, 'delaySeconds', /must be a number/],
    [{ arguments: 'x' }, 'arguments', /must be a list/],
    [{ arguments: [1] }, 'arguments[0]', /must be a string; put it in quotes: "1"/],
    [{ arguments: Array(101).fill('') }, 'arguments', /must have at most 100 items/],
    [{ arguments: ['é'.repeat(16_385)] }, 'arguments', /has 32770 bytes, and at most 32768 are allowed/],
    [{ arguments: ['a\0b'] }, 'arguments[0]', /must be text without NUL/],
    [{ arguments: ['\ud800'] }, 'arguments[0]', /broken characters/],
    [{ env: ['A'] }, 'env', /must be a mapping/],
    [{ env: { A: 1 } }, 'env.A', /must be a string; put it in quotes: "1"/],
    [{ env: { 'A-B': 'x' } }, 'env.A-B', /the name must be letters, digits and '_'/],
    [{ env: { '1A': 'x' } }, 'env["1A"]', /not beginning with a digit/],
    [{ env: { CRONMESH_RUN: 'x' } }, 'env.CRONMESH_RUN', /the name must not begin with CRONMESH_/],
    [{ env: { A: 'x'.repeat(32_768) } }, 'env', /has 32769 bytes, and at most 32768/],
    [{ env: { A: 'a\0' } }, 'env.A', /without NUL/],
    [{ dryRun: 'yes' }, 'dryRun', /must be true or false/],
    [{ delay: 5 }, 'delay', /is not a known field/],
    [{ argument: ['x'] }, 'argument', /did you mean arguments\?/],
    [[], '(document)', /must be a mapping/],
    ['"text"', '(document)', /must be a mapping/],
  ];
  for (const [body, field, message] of wrong) {
    it(`refuse ${JSON.stringify(body).slice(0, 70)}`, async () => {
      const { status, json: problem } = await trigger(body, json);
      assert.deepEqual([status, problem.code, problem.errors?.[0]?.field], [400, 'InvalidInput', field]);
      assert.match(problem.errors[0].message, message);
    });
  }

  it('refuse __proto__ as a name, a body that is no JSON and one without a type', async () => {
    const proto = await trigger('{"env":{"__proto__":"x"}}', json);
    assert.deepEqual([proto.status, proto.json.errors[0].field], [400, 'env.__proto__']);
    assert.equal((await trigger('{', json)).json.code, 'MalformedBody');
    assert.equal((await trigger('{"delaySeconds":60}', { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await api.send('POST', `${jobs}/a/trigger?dry=true`)).json.errors[0].field, 'dry');
  });

  it('refuse what an http job can’t take, with 422', async () => {
    for (const dryRun of [false, true]) {
      const { status, json: problem } = await trigger({ arguments: ['x'], dryRun }, {}, 'web');
      assert.deepEqual([status, problem.code, problem.errors[0].field], [422, 'NotApplicable', 'arguments']);
      assert.match(problem.detail, /cannot be given to an http job/);
    }
    assert.equal((await trigger({ env: { A: 'x' } }, {}, 'web')).status, 202);
    assert.equal((await trigger({ delaySeconds: 5, arguments: [], env: {} }, {}, 'web')).status, 202);
  });

  it('are cancelled before they are due, once Consul keeps them from being published', async () => {
    const { id } = (await trigger({ delaySeconds: 60 })).json;
    const kill = () => api.send('POST', `/api/v1/runs/${id}/kill`);
    api.publishing.fail = new Error('no quorum');
    assert.equal((await kill()).status, 503);
    api.publishing.fail = undefined;
    assert.equal((await api.send('GET', `/api/v1/runs/${id}`)).json.state, 'Pending');
    const { status, json: run } = await kill();
    assert.deepEqual([status, run.state, run.reason], [202, 'Skipped', 'Cancelled']);
    assert.equal(run.message, 'cancelled by user via REST before it was due');
    assert.deepEqual([api.publishing.withdrawn, api.publishing.kills], [[id], []]);
    assert.equal((await kill()).status, 409);
  });

  it('are killed, not cancelled, once they were published or are due', async () => {
    const early = (await trigger({ delaySeconds: 60 })).json.id as RunId;
    api.publishing.written.add(early);
    assert.equal((await api.send('POST', `/api/v1/runs/${early}/kill`)).json.state, 'Pending');
    const due = (await trigger({ delaySeconds: 1 })).json.id as RunId;
    api.now += 1_000;
    assert.equal((await api.send('POST', `/api/v1/runs/${due}/kill`)).json.state, 'Pending');
    assert.deepEqual(
      api.publishing.kills.map(({ run }) => run),
      [early, due],
    );
    assert.ok(!api.publishing.withdrawn.includes(due));
  });

  it('say in a dry run what would run and where, and write nothing', async () => {
    const worker = (name: string, more: Partial<WorkerView> = {}): WorkerView => ({
      id: `${name}-1` as WorkerId,
      name,
      node: 'n',
      address: '10.0.0.1',
      port: 8081,
      labels: {},
      capacity: 10,
      executors: ['shell'],
      kubernetes: false,
      version: '1',
      ready: true,
      checks: {},
      ...more,
    });
    const key = 'default/a';
    const session = await api.coordinator.createSession({ name: 'w', ttl: 20_000, lockDelay: 0, serviceChecks: [] });
    const lock: LockRecord = {
      v: 1,
      run: `${uid}-m-going` as RunId,
      attempt: 1,
      worker: 'one-1' as WorkerId,
      jobUid: uid,
      trigger: 'manual',
      deadline: api.now,
    };
    const waiting: TriggerRecord = {
      v: 1,
      run: `${uid}-m-waits` as RunId,
      attempt: 1,
      jobUid: uid,
      kind: 'manual',
      deadline: api.now,
      requestedAt: api.now,
      epoch: 1,
      by: 'x',
    };
    await api.coordinator.transact([
      { verb: 'lock', key: lockPath(key, lock.run), value: encode(lock), session },
      { verb: 'set', key: triggerPath(key, waiting.run), value: encode(waiting) },
    ]);
    api.workers = [];
    const nobody = (await trigger({ dryRun: true })).json;
    assert.match(nobody.message, /^a shell run would wait: no ready worker has its labels and executor$/);
    api.workers = [
      worker('one'),
      worker('two'),
      worker('off', { ready: false }),
      worker('web', { executors: ['http'] }),
    ];
    const before = [(await api.store.pendingRuns(1_000)).length, api.publishing.triggers.length];
    const { status, json: plan } = await trigger({
      dryRun: true,
      delaySeconds: 60,
      arguments: ['x'],
      env: { B: 'own' },
    });
    assert.equal(status, 200);
    assert.deepEqual([(await api.store.pendingRuns(1_000)).length, api.publishing.triggers.length], before);
    assert.deepEqual(
      plan.workers.map(({ rank }: { rank: number }) => rank),
      [0, 1],
    );
    assert.match(plan.message, new RegExp(`^a shell run would start on ${plan.workers[0].name}, were it due now$`));
    assert.deepEqual(plan.command, ['/bin/sh', '-c', 'echo "$1"', 'sh', 'x']);
    assert.deepEqual([plan.env.A, plan.env.B, plan.env.CRONMESH_JOB], ['job', 'own', 'a']);
    assert.equal(Date.parse(plan.dueAt), api.now + 60_000);
    assert.equal(Date.parse(plan.deadline), api.now + 360_000);
    assert.deepEqual(plan.concurrency, {
      policy: 'Allow',
      free: true,
      holders: [{ run: lock.run, slot: lock.run, worker: 'one-1' }],
    });
    assert.deepEqual(
      plan.waiting.map(({ run, trigger: kind }: { run: string; trigger: string }) => [run, kind]),
      [[waiting.run, 'manual']],
    );
    const spec = { schedule: '@manually', executor: { shell: { command: 'true' } } };
    const make = (name: string, more: Record<string, unknown>) =>
      api.send('POST', jobs, { metadata: { name }, spec: { ...spec, ...more } });
    await make('grouped', { concurrencyPolicy: 'Queue', concurrencyGroup: 'shared' });
    await make('sharded', { placement: { mode: 'Shards', shards: 4 } });
    const held = encode<LockRecord>({ ...lock, job: 'default/a' });
    await api.coordinator.transact([{ verb: 'lock', key: groupLockPath('default', 'shared'), value: held, session }]);
    const grouped = (await trigger({ dryRun: true }, {}, 'grouped')).json;
    assert.match(
      grouped.message,
      new RegExp(`^a shell run would wait: Queue allows 1 at once, and ${lock.run} is going$`),
    );
    assert.equal(grouped.concurrency.holders[0].slot, 'group');
    const sharded = (await trigger({ dryRun: true }, {}, 'sharded')).json;
    assert.equal(sharded.message, '4 shell runs would start spread over the ready workers, were it due now');
  });
});
