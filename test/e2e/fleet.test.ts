import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cronmesh, type Finished } from '../support/cli.ts';
import { eventually, freePort, Program } from '../support/process.ts';
import type { RunView } from '../support/rest.ts';

describe('a folder of jobs, and why they did not run, on a standalone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-fleet-'));
  const files = join(folder, 'jobs');
  let env: Record<string, string>;
  let server: string;
  let program: Program;

  const start = (): Program => new Program(['standalone'], { env, log: join(folder, 'log'), cwd: folder });
  const run = (...args: string[]): Promise<Finished> => cronmesh(args, { server });
  const job = (name: string, command: string, more = ''): void => {
    const spec = `schedule: "* * * * * *"\n  ${more}\n  executor: { shell: { command: "${command}" } }`;
    const metadata = `{ name: ${name}, namespace: fleet, labels: { app: shop } }`;
    writeFileSync(join(files, 'team', `${name}.yaml`), `metadata: ${metadata}\nspec:\n  ${spec}\n`);
  };
  const why = async (name: string, at: string): Promise<string> => {
    const { status, stdout, stderr } = await run('describe', 'job', `fleet/${name}`, '--at', at);
    assert.equal(status, 0, stderr);
    assert.equal(stdout.trim().split('\n').length, 1);
    return stdout.trim();
  };
  const runsOf = async (name: string): Promise<RunView[]> => {
    const { stdout } = await run('get', 'runs', '--job', name, '-n', 'fleet', '-o', 'json');
    return JSON.parse(stdout).items;
  };

  before(async () => {
    mkdirSync(join(files, 'team'), { recursive: true });
    const port = await freePort();
    env = { CRONMESH_HTTP_PORT: String(port) };
    server = `http://127.0.0.1:${port}`;
    program = start();
    await eventually('it answers', async () => (await fetch(`${server}/readyz`)).ok);
  });
  after(async () => {
    await program.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes jobs of the folder, and shows no difference then', async () => {
    job('quick', 'echo quick');
    job('busy', 'sleep 3', 'concurrencyPolicy: Forbid');
    job('broken', 'exit 7');
    const { status, stdout, stderr } = await run('apply', '-R', '-f', files, '--prune', '-l', 'app=shop');
    assert.deepEqual(
      [status, stdout, stderr],
      [0, 'job fleet/broken created\njob fleet/busy created\njob fleet/quick created\n', ''],
    );
    assert.deepEqual(await run('diff', '-R', '-f', files), { status: 0, stdout: '', stderr: '' });
  });

  it('tells of a run how it ended', async () => {
    const ended = (name: string, state: string) =>
      eventually(
        `${name} is ${state}`,
        async () => (await runsOf(name)).find(one => one.state === state),
        30_000,
        1_000,
      );
    const { tick = '', worker } = await ended('quick', 'Succeeded');
    const said = await why('quick', tick);
    assert.ok(
      said.startsWith(`fleet/quick was due at ${tick}: it ran: Succeeded on ${worker} (exit 0), started `),
      said,
    );
    const failed = await ended('broken', 'Failed');
    assert.match(await why('broken', failed.tick ?? ''), /: it ran: Failed on .* \(exit 7/);
  });

  it('tells of a tick that the run before kept from running', async () => {
    const first = await eventually(
      'a long run ended',
      async () => (await runsOf('busy')).findLast(one => one.state === 'Succeeded'),
      30_000,
      1_000,
    );
    const during = new Date(Date.parse(first.tick ?? '') + 1_000).toISOString().replace('.000Z', 'Z');
    const said = await eventually(
      'the skip is recorded',
      async () => {
        const message = await why('busy', during);
        return message.includes('did not run') && message;
      },
      30_000,
      1_000,
    );
    assert.match(said, new RegExp(`^fleet/busy was due at ${during}: it did not run: StillRunning \\(.*${first.id}`));
  });

  it('tells of ticks while nothing of the cluster ran', async () => {
    await program.stop();
    const during = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 1_000);
    await new Promise(resolve => setTimeout(resolve, during.getTime() - Date.now() + 8_000));
    program = start();
    await eventually('it answers again', async () => (await fetch(`${server}/readyz`)).ok);
    const said = await eventually(
      'it is judged',
      async () => {
        const message = await why('quick', during.toISOString());
        return message.includes('did not run') && message;
      },
      60_000,
      1_000,
    );
    assert.match(said, /: it did not run: (ClusterDown|Misfire) \(.*\), one of \d+ ticks from /);
  });

  it('prunes what left the folder, after diff showed it', async () => {
    rmSync(join(files, 'team', 'broken.yaml'));
    job('quick', 'echo quicker');
    const diff = await run('diff', '-R', '-f', files, '--prune', '-l', 'app=shop');
    assert.deepEqual([diff.status, diff.stderr], [1, '']);
    assert.match(diff.stdout, /^- {6}command: echo quick\n\+ {6}command: echo quicker$/m);
    assert.match(diff.stdout, /^--- fleet\/broken \(server, revision 1\)\n\+\+\+ \/dev\/null$/m);
    const applied = await run('apply', '-R', '-f', files, '--prune', '-l', 'app=shop');
    assert.equal(applied.stdout, 'job fleet/busy unchanged\njob fleet/quick configured\njob fleet/broken pruned\n');
    const { stdout } = await run('get', 'jobs', '-n', 'fleet', '-o', 'json');
    const names = JSON.parse(stdout).items.map((one: { metadata: { name: string } }) => one.metadata.name);
    assert.deepEqual(names, ['busy', 'quick']);
    assert.match(await why('broken', new Date(Date.now() + 5_000).toISOString()), /: it was deleted at /);
  });
});
