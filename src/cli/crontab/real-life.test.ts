import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { validateManifest } from '../../domain/job/validate.ts';
import { parseSchedule } from '../../domain/schedule/index.ts';
import { importCrontab } from './import.ts';

describe('deploy/examples/real-life.crontab', async () => {
  const file = new URL('../../../deploy/examples/real-life.crontab', import.meta.url);
  const { system, manifests, notices } = importCrontab(await readFile(file, 'utf8'));
  const jobs = manifests.map(manifest => validateManifest(manifest));
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cronmesh-real-life-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('is imported whole, but for mail and @reboot', () => {
    assert.equal(system, false);
    assert.ok(jobs.length >= 30, `${jobs.length} jobs`);
    assert.equal(new Set(jobs.map(({ metadata }) => metadata.name)).size, jobs.length);
    assert.deepEqual(
      notices.map(({ text }) => text.split(/[ =]/)[0]),
      ['MAILTO', '@reboot'],
    );
  });

  it('has much to do in any five minutes', () => {
    const from = Date.UTC(2026, 0, 3, 23, 1);
    const due = jobs.filter(({ spec }) => {
      const tick = parseSchedule(spec.schedule, { timeZone: spec.timeZone }).next(from);
      return tick !== undefined && tick <= from + 300_000;
    });
    assert.ok(due.length >= 15, `${due.length} jobs`);
  });

  it('has commands that run here, and prove it', async () => {
    const proof = join(folder, 'proof.log');
    for (const { metadata, spec } of jobs) {
      const { shell } = spec.executor;
      assert.ok(shell && typeof shell.command === 'string');
      const env = {
        ...shell.env,
        CRONMESH_JOB: metadata.name,
        CRONMESH_TICK: 't',
        CRONMESH_RUN: 'r',
        CRONMESH_WORKER: 'w',
      };
      await new Promise<void>((resolve, reject) => {
        const child = execFile(
          shell.interpreter,
          ['-c', String(shell.command)],
          { cwd: shell.workingDirectory, env: { ...env, CRONMESH_PROOF: proof } },
          error => (error ? reject(error) : resolve()),
        );
        // A command that reads nothing may have closed it.
        child.stdin?.on('error', () => {});
        child.stdin?.end(shell.stdin ?? '');
      });
    }
    const lines = (await readFile(proof, 'utf8')).trim().split('\n');
    assert.deepEqual(
      lines.map(line => line.split(' ').slice(0, 4).join(' ')),
      jobs.map(({ metadata }) => `${metadata.name} t r w`),
    );
    assert.ok(lines.every(line => /^\d+\.\d+$/.test(line.split(' ')[4] ?? '')));
  });
});
