import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cronmesh } from '../../test/support/cli.ts';
import { freePort } from '../../test/support/process.ts';

describe('cronmesh, used wrongly', () => {
  const wrong: [args: string[], because: RegExp][] = [
    [[], /Usage: cronmesh/],
    [['nonsense'], /unknown command 'nonsense'/],
    [['apply'], /required option '-f, --filename <path...>' not specified/],
    [['apply', '-f', '/nowhere/jobs.yaml'], /cannot read \/nowhere\/jobs\.yaml: there is no such file/],
    [['get', 'jobs', '--wrong'], /unknown option '--wrong'/],
    [['get', 'jobs', '-o', 'xml'], /'xml' is invalid. Allowed choices are table, wide, json, yaml/],
    [['get', 'things'], /there is nothing of the kind "things"/],
    [['get', 'jobs', '-s', 'ftp://x:y:z'], /--server .* is no http or https URL/],
    [['describe', 'worker', 'x'], /"worker" cannot be described/],
    [['delete'], /delete needs a job, or -f/],
    [['suspend', 'a/b/c'], /"a\/b\/c" is no job/],
    [['suspend', 'a/b', '-n', 'c'], /a\/b is not in the namespace c/],
    [['logs', 'x', '--attempt', '0'], /must be a whole number from 1/],
    [['next'], /missing required argument 'expression'/],
    [['next', '61 * * * *'], /^cronmesh: minute: 61 is out of range \(allowed: 0-59\)\n$/],
    [['next', '* * * * *', '--tz', 'Mars/Base'], /timeZone: .*Mars\/Base/],
    [['next', '* * * * *', '--from', 'yesterday'], /from: .*yesterday/],
    [['next', '* * * * *', '--count', '-1'], /count/],
    [['next', '* * * * *', '--dst', 'vixie'], /Allowed choices are Vixie, Literal/],
  ];
  for (const [args, because] of wrong) {
    it(`ends with 2 and says why: cronmesh ${args.join(' ')}`, async () => {
      const { status, stdout, stderr } = await cronmesh(args);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, because);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }

  it('says that a schedule has no more ticks, rather than nothing', async () => {
    assert.deepEqual(await cronmesh(['next', '0 0 30 2 *']), { status: 0, stdout: '', stderr: 'it is never due\n' });
    assert.deepEqual(await cronmesh(['next', '@at 2099-01-01T00:00:00Z', '--count', '2']), {
      status: 0,
      stdout: '2099-01-01T00:00:00Z\n',
      stderr: 'it is not due any more after that\n',
    });
  });

  it('refuses a manifest that names a field twice', async () => {
    const stdin = '{"metadata":{"name":"one"},\n"metadata":{"name":"two"}}';
    const { status, stderr } = await cronmesh(['apply', '-f', '-'], { stdin });
    assert.deepEqual([status, stderr], [2, 'cronmesh: standard input names a field twice at line 2\n']);
  });

  it('ends with 1 and one line when there is no server', async () => {
    const { status, stderr } = await cronmesh(['get', 'jobs', '--server', `127.0.0.1:${await freePort()}`]);
    assert.equal(status, 1);
    assert.match(stderr, /^cronmesh: cannot reach http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): .*\n$/);
  });

  it('ends with 1 when the server is something else', async t => {
    const server = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { status, stderr } = await cronmesh(['get', 'jobs'], { server: `http://127.0.0.1:${port}` });
    assert.equal(status, 1);
    assert.match(stderr, /answered something that is no JSON: is it a Cronmesh server\?\n$/);
  });

  it('shows help and version with 0', async () => {
    const help = await cronmesh(['--help']);
    assert.equal(help.status, 0);
    for (const name of ['standalone', 'master', 'worker', 'migrate', 'apply', 'logs', 'next']) {
      assert.match(help.stdout, new RegExp(`^ {2}${name}\\b`, 'm'));
    }
    const version = await cronmesh(['--version']);
    assert.deepEqual([version.status, version.stdout.trim()], [0, '0.1.0']);
  });
});

describe('cronmesh next', () => {
  it('prints ticks strictly after the instant, as RFC 3339', async () => {
    const args = ['next', '30 2 * * *', '--tz', 'Europe/Berlin', '--from', '2026-03-28T12:00:00Z', '--count', '2'];
    const { status, stdout } = await cronmesh(args);
    assert.deepEqual([status, stdout], [0, '2026-03-29T01:00:00Z\n2026-03-30T00:30:00Z\n']);
    const literal = await cronmesh([...args, '--dst', 'Literal', '-o', 'json']);
    assert.deepEqual(JSON.parse(literal.stdout), ['2026-03-30T00:30:00Z', '2026-03-31T00:30:00Z']);
  });

  it('hashes H with the key given', async () => {
    const tick = async (key: string) =>
      (await cronmesh(['next', 'H H * * *', '--from', '2026-01-01T00:00:00Z', '--count', '1', '--hash-key', key]))
        .stdout;
    assert.notEqual(await tick('default/a'), await tick('default/b'));
    assert.equal(await tick('default/a'), await tick('default/a'));
  });

  it('ends in silence when nobody reads on', async () => {
    const program = fileURLToPath(new URL('../../bin/cronmesh', import.meta.url));
    const child = spawn('/bin/sh', ['-c', `"${program}" next '* * * * * *' --count 100000 | head -1`]);
    let stderr = '';
    child.stderr.on('data', chunk => {
      stderr += chunk;
    });
    await once(child, 'close');
    assert.equal(stderr, '');
  });
});
