import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { Copies } from './copies.ts';
import { LiveConfig } from './live.ts';
import { ConfigError, givenLayers } from './load.ts';
import type { Source, SourceState } from './source.ts';

/** A server's document, said by the test. */
class Said implements Source {
  readonly kind: 'consul' | 'nacos';
  readonly name: string;
  #onState: ((state: SourceState) => void) | undefined;
  #last: SourceState | undefined;

  constructor(kind: 'consul' | 'nacos', first?: SourceState) {
    this.kind = kind;
    this.name = `the ${kind}`;
    this.#last = first;
  }

  async follow(onState: (state: SourceState) => void, signal: AbortSignal): Promise<void> {
    this.#onState = onState;
    if (this.#last !== undefined) onState(this.#last);
    await new Promise(resolve => signal.addEventListener('abort', resolve));
  }

  text(text: string | undefined): void {
    this.#onState?.({ is: 'here', text });
  }

  away(): void {
    this.#onState?.({ is: 'away', reason: 'refused' });
  }
}

const here = (text: string): SourceState => ({ is: 'here', text });
const away: SourceState = { is: 'away', reason: 'refused' };

describe('LiveConfig', () => {
  const running: LiveConfig[] = [];
  let lines: { readonly level: string; readonly text: string }[] = [];

  const make = (
    sources: readonly Source[],
    more: { flags?: string[]; env?: Record<string, string>; directory?: string } = {},
  ) => {
    const { flags = [], env = {}, directory = mkdtempSync(join(tmpdir(), 'cronmesh-live-')) } = more;
    lines = [];
    const log = (level: string) => (fields: object, message: string) => {
      lines.push({ level, text: `${message} ${JSON.stringify(fields)}` });
    };
    const live = new LiveConfig({
      role: 'worker',
      given: givenLayers('worker', { environment: env, flags }),
      sources,
      copies: new Copies(directory),
      logger: { info: log('info'), warn: log('warn'), error: log('error') },
      patience: 100,
    });
    running.push(live);
    return { live, directory };
  };
  const start = async (...options: Parameters<typeof make>) => {
    const made = make(...options);
    await made.live.start();
    return made;
  };
  const told = (what: RegExp) => lines.filter(({ text }) => what.test(text));

  afterEach(async () => {
    for (const live of running.splice(0)) await live.stop();
  });

  it('takes flags over environment over Nacos over Consul', async () => {
    const text = 'worker: { capacity: 1, drainSeconds: 1 }\nlog: { level: debug }\nhistory: { runsPerJob: 1 }';
    const consul = new Said('consul', here(`${text}\nhttp: { port: 1 }`));
    const nacos = new Said('nacos', here('worker: { capacity: 2, drainSeconds: 2 }\nlog: { level: warn }'));
    const env = { CRONMESH_WORKER_CAPACITY: '3', CRONMESH_WORKER_DRAIN_SECONDS: '3' };
    const { live } = await start([nacos, consul], { env, flags: ['worker.capacity=4'] });
    const { worker, log, history, http } = live.config;
    assert.deepEqual(
      [worker.capacity, worker.drainSeconds, log.level, history.runsPerJob, http.port],
      [4, 3, 'warn', 1, 1],
    );
    const sources = Object.fromEntries(live.describe().map(one => [one.path, one.source]));
    assert.equal(sources['worker.capacity'], '--set worker.capacity');
    assert.equal(sources['worker.drainSeconds'], 'CRONMESH_WORKER_DRAIN_SECONDS');
    assert.equal(sources['log.level'], 'the nacos');
    assert.equal(sources['http.port'], 'the consul');
    assert.equal(sources['grpc.port'], 'default');
  });

  it('tells subscribers of their settings alone, with all of a document at once', async () => {
    const consul = new Said('consul', here(''));
    const { live } = await start([consul]);
    const seen: unknown[] = [];
    live.subscribe(['worker.capacity', 'worker.labels'], ({ worker }) => seen.push([worker.capacity, worker.labels]));
    live.subscribe(['log.level'], ({ log }) => seen.push(log.level));
    consul.text('worker: { capacity: 7, labels: { zone: a } }');
    consul.text('worker: { capacity: 7, labels: { zone: a } }\nlog: { level: warn }');
    consul.text(undefined);
    assert.deepEqual(seen, [[7, { zone: 'a' }], 'warn', [100, {}], 'info']);
    assert.deepEqual([live.count('consul', 'accepted'), live.count('consul', 'removed')], [3, 1]);
  });

  it('lets a subscriber that fails keep no other from a change', async () => {
    const consul = new Said('consul', here(''));
    const { live } = await start([consul]);
    let level = '';
    live.subscribe(['log.level'], () => {
      throw new Error('no');
    });
    live.subscribe(['log.level'], ({ log }) => {
      level = log.level;
    });
    consul.text('log: { level: warn }');
    assert.equal(level, 'warn');
  });

  it('takes subscriptions for live settings alone', async () => {
    const { live } = await start([]);
    for (const path of ['http.port', 'worker.capcity']) {
      assert.throws(() => live.subscribe([path], () => {}), /is no live setting/);
    }
  });

  it('refuses a bad document as a whole, once, and keeps what was before', async () => {
    const nacos = new Said('nacos', here('worker: { capacity: 5 }'));
    const { live, directory } = await start([nacos]);
    const bad = 'worker: { capacity: 6, drainSeconds: soon }';
    nacos.text(bad);
    nacos.text(bad);
    assert.equal(live.config.worker.capacity, 5);
    assert.equal(live.count('nacos', 'refused'), 1);
    const [line, ...others] = told(/refused/);
    assert.equal(others.length, 0);
    assert.match(line?.text ?? '', /worker\.drainSeconds \(from the nacos\): must be a number \(got \\"soon\\"\)/);
    nacos.text('sources: { consul: { key: x } }');
    assert.match(told(/refused/)[1]?.text ?? '', /sources \(from the nacos\): must not be here/);
    const [file = ''] = readdirSync(join(directory, 'config'));
    assert.equal(readFileSync(join(directory, 'config', file), 'utf8'), 'worker: { capacity: 5 }');
    nacos.text('worker: { capacity: 8 }');
    assert.equal(live.config.worker.capacity, 8);
  });

  it('refuses what is wrong though a stronger source hides it', async () => {
    const nacos = new Said('nacos', here(''));
    const { live } = await start([nacos], { env: { CRONMESH_WORKER_CAPACITY: '3' } });
    nacos.text('worker: { capacity: none }');
    assert.equal(live.count('nacos', 'refused'), 1);
  });

  it('says once which change needs a restart, and no more when it is taken back', async () => {
    const consul = new Said('consul', here('http: { port: 1 }'));
    const { live } = await start([consul]);
    consul.text('http: { port: 2 }\nworker: { capacity: 9 }');
    assert.deepEqual([live.config.http.port, live.config.worker.capacity], [1, 9]);
    assert.deepEqual(live.pending, ['http.port']);
    consul.text('http: { port: 2 }\nworker: { capacity: 10 }');
    assert.equal(told(/needs a restart/).length, 1);
    consul.text('http: { port: 1 }\nworker: { capacity: 10 }');
    assert.deepEqual(live.pending, []);
  });

  it('masks secrets in what it says and shows', async () => {
    const hook = 'notifications: { channels: { ops: { slack: { url: "https://hooks.example/s3cret" } } } }';
    const consul = new Said('consul', here(''));
    const { live } = await start([consul], { env: { DATABASE_URL: 'postgresql://u:s3cret@h/d' } });
    consul.text(`${hook}\nconsul: { token: s3cret }`);
    consul.text('notifications: { channels: { ops: { slack: { url: s3cret } } } }');
    consul.text('database: { url: "mysql://u:s3cret@h" }');
    assert.doesNotMatch(JSON.stringify([lines, live.describe(), live.sources()]), /s3cret/);
    assert.equal(told(/refused/).length, 2);
    assert.equal(live.describe().find(one => one.path === 'database.url')?.value, '[masked]');
  });

  it('starts without a source that is away, and takes it up when it comes', async () => {
    const nacos = new Said('nacos', away);
    const { live } = await start([nacos]);
    assert.equal(lines.find(({ level }) => level === 'error')?.text.startsWith('the source is away'), true);
    assert.equal(live.sources()[0]?.status, 'away');
    nacos.text('worker: { capacity: 2 }');
    assert.equal(live.config.worker.capacity, 2);
    nacos.away();
    assert.equal(live.config.worker.capacity, 2);
  });

  it('starts with the last good copy of a source that is away, or that holds a bad document', async () => {
    const first = await start([new Said('nacos', here('worker: { capacity: 2 }'))]);
    const { directory } = first;
    const [file = ''] = readdirSync(join(directory, 'config'));
    assert.equal(statSync(join(directory, 'config', file)).mode & 0o777, 0o600);
    const second = await start([new Said('nacos', away)], { directory });
    assert.equal(second.live.config.worker.capacity, 2);
    assert.equal(second.live.sources()[0]?.status, 'away, from its last copy');
    const third = await start([new Said('nacos', here('worker: { capacity: none }'))], { directory });
    assert.equal(third.live.config.worker.capacity, 2);
    assert.equal(told(/refused; its last good copy is in force/).length, 1);
  });

  it('does not start with a bad document and no copy', async () => {
    const { live } = make([new Said('nacos', here('worker: { capacity: none }'))]);
    await assert.rejects(live.start(), ConfigError);
  });
});

describe('flags', () => {
  const flags =
    (...given: string[]) =>
    () =>
      givenLayers('worker', { environment: {}, flags: given });

  it('are refused with what would be right', () => {
    assert.throws(flags('worker.capcity=1'), /--set worker\.capcity is no setting; did you mean worker\.capacity\?/);
    assert.throws(flags('worker.capacity'), /must be as worker\.capacity=20/);
    assert.throws(flags('consul.token=x'), /is a secret.*set CRONMESH_CONSUL_TOKEN/);
    assert.throws(flags('database.url=postgresql://u:pass@h/d'), /is a secret/);
    flags('database.url=postgresql://u@h/d')();
  });
});
