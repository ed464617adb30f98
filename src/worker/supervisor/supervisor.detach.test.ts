import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kubernetesExecutor } from '../../domain/job/spec/executors.ts';
import { silentLogger } from '../../observability/logger.ts';
import type { EndReason, ExecutionHooks, Executor } from '../executors/executor.ts';
import { systemClocks } from './clocks.ts';
import { Journal } from './journal.ts';
import type { AttemptResult, FromSupervisor, StartRequest } from './protocol.ts';
import { Supervisor } from './supervisor.ts';
import { shellRequest, until } from './testing/requests.ts';

/** An executor whose attempts go on elsewhere: the test says what becomes of them. */
function elsewhere() {
  const attempts: {
    readonly request: StartRequest;
    readonly hooks: ExecutionHooks;
    readonly finish: (result: AttemptResult) => void;
    readonly ends: EndReason[];
    readonly detached: string[];
  }[] = [];
  /** What the next detachments answer. */
  const answers: boolean[] = [];
  const executor: Executor = {
    execute(request, hooks) {
      const { promise, resolve } = Promise.withResolvers<AttemptResult>();
      const ends: EndReason[] = [];
      const detached: string[] = [];
      attempts.push({ request, hooks, finish: resolve, ends, detached });
      return {
        result: promise,
        end: reason => ends.push(reason),
        detach: async why => {
          detached.push(why);
          return answers.shift() ?? true;
        },
      };
    },
  };
  return { executor, attempts, answers };
}

async function setUp(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'cronmesh-supervisor-'));
  const journal = new Journal(directory);
  const messages: FromSupervisor[] = [];
  const { executor, attempts, answers } = elsewhere();
  const supervisor = new Supervisor({
    send: (message, done) => {
      messages.push(message);
      done();
    },
    journal,
    executors: { shell: executor, http: executor, kubernetes: executor },
    logger: silentLogger,
    fenceGrace: 100,
  });
  t.after(async () => {
    journal.close({ remove: true });
    await rm(directory, { recursive: true, force: true });
  });
  const lease = (left: number) =>
    supervisor.handle({
      type: 'lease',
      lease: { monotonic: systemClocks.monotonic() + left, wall: Date.now() + left },
    });
  const start = (request: StartRequest) => supervisor.handle({ type: 'start', request });
  const said = (request: StartRequest) =>
    messages.flatMap(one => ('run' in one && one.run === request.run ? [one.type] : []));
  lease(60_000);
  return { supervisor, journal, attempts, answers, messages, lease, start, said };
}

const kubernetes = kubernetesExecutor.parse({
  template: { spec: { containers: [{ name: 'main', image: 'busybox' }] } },
});
const podRequest = (rest: Partial<StartRequest> = {}): StartRequest =>
  shellRequest('true', { exclusive: true, ...rest, ...({ executor: { kubernetes } } as object) });

test('at the end of the lease, or with the session, it is let go of and not ended', async t => {
  const { attempts, lease, start, said, supervisor } = await setUp(t);
  const [byLease, bySession] = [podRequest(), podRequest()];
  supervisor.handle({ type: 'session', session: 's1', epoch: 1 });
  start(byLease);
  lease(150);
  await until(() => said(byLease).includes('detached'));
  lease(60_000);
  start(bySession);
  supervisor.handle({ type: 'session' });
  await until(() => said(bySession).includes('detached'));
  assert.deepEqual(
    attempts.map(({ ends, detached }) => [ends.length, detached]),
    [
      [0, ["the lease on its worker's session ran out"]],
      [0, ["its worker's session was lost"]],
    ],
  );
  for (const request of [byLease, bySession]) assert.equal(supervisor.status(request), 'ended');
});

test('when its worker stops it is let go of, and so it is where the supervisor closes', async t => {
  const { start, said, supervisor, attempts } = await setUp(t);
  const first = podRequest();
  start(first);
  supervisor.handle({ type: 'detach' });
  await until(() => said(first).includes('detached'));
  const second = podRequest({ exclusive: false });
  start(second);
  await supervisor.close({ kind: 'lost', why: 'its worker died' }, 100);
  assert.deepEqual(said(second), ['detached']);
  assert.deepEqual(attempts.at(-1)?.detached, ['its worker died']);
  // What its result comes to later is another worker's to tell.
  attempts.at(-1)?.finish({ outcome: 'Succeeded' });
});

test('where it is being ended it is not let go of: its result is waited for', async t => {
  const { start, said, supervisor, attempts, answers, messages } = await setUp(t);
  const request = podRequest();
  start(request);
  supervisor.handle({ type: 'kill', run: request.run, attempt: 1, by: 'someone' });
  answers.push(false);
  let closed = false;
  const closing = supervisor.close({ kind: 'lost', why: 'its worker died' }, 100).then(() => {
    closed = true;
  });
  await until(() => attempts[0]?.detached.length === 1);
  await new Promise(resolve => setTimeout(resolve, 50));
  assert.equal(closed, false);
  assert.equal(supervisor.status(request), 'running');
  attempts[0]?.finish({ outcome: 'Killed' });
  await closing;
  assert.deepEqual(said(request), ['finished']);
  assert.deepEqual(attempts[0]?.ends, [{ kind: 'killed', by: 'someone' }]);
  assert.ok(messages.every(({ type }) => type !== 'detached'));
});

test('what was let go of comes back to be adopted, and an attempt that runs does not', async t => {
  const { start, said, supervisor, attempts } = await setUp(t);
  const request = podRequest();
  start(request);
  supervisor.handle({ type: 'detach' });
  await until(() => said(request).includes('detached'));
  // Asked to start it, it is not started again; asked to adopt it, it is.
  start(request);
  assert.equal(attempts.length, 1);
  start({ ...request, handovers: 1 });
  assert.equal(attempts.length, 2);
  start({ ...request, handovers: 2 });
  assert.equal(attempts.length, 2);
  await attempts[1]?.hooks.output('stdout', 'hello');
  attempts[1]?.finish({ outcome: 'Succeeded' });
  await until(() => said(request).includes('finished'));
});

test('a kill that comes while it is let go of is not carried out twice, nor lost on the way', async t => {
  const { start, said, supervisor, attempts } = await setUp(t);
  const request = podRequest();
  start(request);
  supervisor.handle({ type: 'detach' });
  await until(() => said(request).includes('detached'));
  supervisor.handle({ type: 'kill', run: request.run, attempt: 1, by: 'someone' });
  assert.deepEqual(attempts[0]?.ends, []);
  // Whoever adopts it is asked again.
  start({ ...request, handovers: 1 });
  supervisor.handle({ type: 'kill', run: request.run, attempt: 1, by: 'someone' });
  assert.deepEqual(attempts[1]?.ends, [{ kind: 'killed', by: 'someone' }]);
});
