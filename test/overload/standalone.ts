import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest } from '../support/rest.ts';
import { type Flood, heldConnections, requestFlood } from './floods.ts';
import { everySecond, held, liveWindow, startsOf } from './measure.ts';

const say = (line: string): void => void process.stdout.write(`${line.slice(0, 600)}\n`);

/** Of each part, in seconds. */
const [calmFor, floodFor] = [8, 15];

describe('one process under floods: REST and claims share it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-overload-'));
  let rest: Rest;
  let port: number;
  let program: Program;
  let files: ReadonlyMap<string, string>;

  before(async () => {
    port = await freePort();
    rest = new Rest(`http://127.0.0.1:${port}`);
    program = new Program(['standalone'], {
      env: { CRONMESH_HTTP_PORT: String(port), CRONMESH_LOG_LEVEL: 'warn' },
      log: join(folder, 'log'),
      cwd: folder,
    });
    await eventually('it is ready', async () => (await rest.request('GET', '/readyz')).ok, 180_000, 500);
    files = await everySecond(rest, 20, folder);
    await rest.post('/api/v1/namespaces/default/jobs', {
      metadata: { name: 'flooded' },
      spec: { schedule: '@manually', executor: { shell: { command: 'true' } } },
    });
    await delay(2_000);
  });
  after(async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('starts every tick of 20 jobs, answers health, refuses with a code, and comes back', async () => {
    const calmFrom = Date.now();
    await delay(calmFor * 1_000);
    const calm = startsOf(files, calmFrom, Date.now() - 2_000);
    say(`calm: ${JSON.stringify(calm)}`);
    assert.deepEqual([calm.missed, calm.doubled], [[], []]);
    const quiet = held(program.pid);

    const target = (last: number) => ({ port, from: `127.0.0.${last}` });
    const paths = [
      '/api/v1/runs?limit=500',
      '/api/v1/jobs?limit=500',
      '/api/v1/namespaces/default/jobs/second-1/runs?limit=500',
    ];
    const floods: Record<string, Flood> = {
      reads: requestFlood(target(2), 300, i => ({ method: 'GET', path: paths[i % paths.length] ?? '/' })),
      reads2: requestFlood(target(3), 300, i => ({ method: 'GET', path: paths[i % paths.length] ?? '/' })),
      reads3: requestFlood(target(4), 300, i => ({ method: 'GET', path: paths[i % paths.length] ?? '/' })),
      writes: requestFlood(target(5), 300, () => ({
        method: 'POST',
        path: '/api/v1/namespaces/default/jobs/flooded/trigger',
        body: '{}',
      })),
      followers: heldConnections(target(6), 400, 'GET /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'),
      slowBodies: heldConnections(
        target(7),
        300,
        'POST /api/v1/namespaces/default/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{',
      ),
      halfOpen: heldConnections(target(8), 1_000, 'GET / HTTP/1.1\r\nhost: 127'),
    };
    const floodFrom = Date.now();
    const health: number[] = [];
    const unwell: string[] = [];
    while (Date.now() < floodFrom + floodFor * 1_000) {
      const asked = performance.now();
      for (const path of ['/healthz', '/readyz', '/metrics']) {
        const answer = await rest.request('GET', path).catch((error: unknown) => String(error));
        if (typeof answer === 'string' || !answer.ok)
          unwell.push(`${path}: ${typeof answer === 'string' ? answer : answer.status}`);
        else await answer.arrayBuffer();
      }
      health.push(Math.round(performance.now() - asked));
      await delay(500);
    }
    const flooded = startsOf(files, floodFrom, Date.now() - 3_000);
    const most = held(program.pid);
    await Promise.all(Object.values(floods).map(flood => flood.stop()));
    for (const [name, { tally }] of Object.entries(floods)) {
      say(`${name}: ${JSON.stringify([...tally.statuses])} ${JSON.stringify([...tally.codes])} broken ${tally.broken}`);
    }
    say(`flooded: ${JSON.stringify(flooded)}`);
    say(`health, readiness and metrics, ms: ${health.join(' ')}; memory ${JSON.stringify([quiet, most])}`);

    assert.deepEqual([flooded.missed, flooded.doubled], [[], []], 'each tick starts once');
    assert.ok(flooded.longest < liveWindow, `a start was ${flooded.longest} ms late`);
    assert.deepEqual(unwell, []);
    for (const [name, { tally }] of Object.entries(floods)) assert.deepEqual(tally.wrong.slice(0, 3), [], name);
    const refused = (flood: Flood | undefined): number =>
      (flood?.tally.statuses.get(429) ?? 0) + (flood?.tally.statuses.get(503) ?? 0);
    assert.ok(refused(floods.reads) > 0 && refused(floods.writes) > 0 && refused(floods.followers) > 0);
    const metrics = await (await rest.request('GET', '/metrics')).text();
    assert.match(metrics, /cronmesh_requests_shed_total\{class="reads",why="\w+"\} [1-9]/);

    await eventually('its connections are gone', () => held(program.pid).fds < quiet.fds + 50, 60_000, 1_000);
    await rest.get('/api/v1/runs?limit=500');
    await rest.post('/api/v1/namespaces/default/jobs/second-1/trigger');
    await delay(3_000);
    const later = held(program.pid);
    say(`afterwards: ${JSON.stringify(later)}`);
    assert.ok(later.rss < quiet.rss + 400 * 1024 * 1024, `${later.rss} bytes are held`);
  });
});
