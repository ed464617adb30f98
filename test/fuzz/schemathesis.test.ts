import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, freePort, Program } from '../support/process.ts';
import { schemathesis } from '../support/schemathesis.ts';

/** `CRONMESH_SCHEMATHESIS_EXAMPLES=300` tries more of each operation, by hand. */
const examples = process.env.CRONMESH_SCHEMATHESIS_EXAMPLES ?? '5';
const config = fileURLToPath(new URL('schemathesis.toml', import.meta.url));
const hooks = fileURLToPath(new URL('schemathesis.py', import.meta.url));
const found = await schemathesis();

/**
 * A worker that takes nothing: made-up jobs must neither run made-up commands nor call made-up hosts. It is one for
 * Kubernetes, whose API server is a port where nobody listens.
 */
const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: "http://127.0.0.1:9" } }]
users: [{ name: none, user: {} }]
contexts: [{ name: none, context: { cluster: none, user: none } }]
current-context: none
`;

describe('schemathesis', { skip: 'reason' in found && found.reason }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-schemathesis-run-'));
  let base: string;
  let program: Program;

  before(async () => {
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    writeFileSync(join(folder, 'kubeconfig'), kubeconfig);
    // Its hooks are looked for where it runs, and where it runs it leaves files.
    copyFileSync(hooks, join(folder, 'schemathesis.py'));
    const env = {
      CRONMESH_HTTP_PORT: String(port),
      CRONMESH_WORKER_EXECUTORS: 'kubernetes',
      KUBECONFIG: join(folder, 'kubeconfig'),
    };
    program = new Program(['standalone'], { env, log: join(folder, 'log'), cwd: folder });
    await eventually('it is ready', async () => (await fetch(`${base}/readyz`)).ok, 120_000, 500);
  });
  after(async () => {
    await program.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('finds the REST API to be as its document says', { timeout: 840_000 }, async () => {
    assert.ok('program' in found);
    const child = spawn(
      found.program,
      [
        ...['--config-file', config, 'run', `${base}/openapi.json`, '--seed', '1', '--workers', '1'],
        ...['--phases', 'coverage,fuzzing', '--max-examples', examples, '--continue-on-failure'],
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const output = text(child.stdout);
    const status = await new Promise(resolve => child.once('exit', resolve));
    assert.equal(status, 0, (await output).slice(-20_000));
  });
});
