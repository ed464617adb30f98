import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest, type RunView } from '../support/rest.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the files of the container image, alone in a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-image-'));
  const app = join(folder, 'app');
  const program = join(app, 'bin/cronmesh');
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };

  before(() => {
    for (const script of [['scripts/build.ts'], ['scripts/image-files.ts', app]])
      execFileSync(process.execPath, script, { cwd: root, stdio: 'pipe' });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are few, and each package has its licence along', () => {
    const files = globSync('**', { cwd: app }).filter(file => statSync(join(app, file)).isFile());
    const bytes = files.reduce((sum, file) => sum + statSync(join(app, file)).size, 0);
    assert.ok(bytes < 60e6, `${bytes} bytes: see docs/decisions/0701-image.md`);
    assert.deepEqual(
      files.filter(file => /\.(d\.[cm]?ts|map|tar\.gz)$|node_modules\/(prisma|typescript|react)\//.test(file)),
      [],
    );
    for (const name of ['zod', 'hono', 'pg', '@electric-sql/pglite', '@prisma/client'])
      assert.ok(existsSync(join(app, 'node_modules', name, 'LICENSE')), name);
  });

  it('refuse a folder that is not empty', () => {
    assert.throws(
      () => execFileSync(process.execPath, ['scripts/image-files.ts', app], { cwd: root, stdio: 'pipe' }),
      /must be empty/,
    );
  });

  it('load every program', () => {
    const run = (...args: string[]): string => execFileSync(program, args, { encoding: 'utf8', env, cwd: folder });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    assert.equal(run('--version'), `${version}\n`);
    assert.match(readFileSync(join(root, 'Dockerfile'), 'utf8'), new RegExp(`ARG VERSION=${version} `));
    for (const name of ['master', 'worker', 'migrate', 'standalone']) {
      const script = `await import(${JSON.stringify(join(app, `dist/main/${name}.js`))})`;
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, cwd: folder, stdio: 'pipe' });
    }
  });

  it('run the whole product, modules too', async () => {
    mkdirSync(join(folder, 'modules'));
    // A lone file: what it imports is the image's own.
    writeFileSync(
      join(folder, 'modules/greet.ts'),
      `import { defineJob } from 'cronmesh/jobs';
      import { z } from 'zod';
      export const greet = defineJob({ name: 'greet', input: z.object({ whom: z.string() }), run: ({ input }) => input.whom });`,
    );
    const port = await freePort();
    const running = new Program(['standalone'], {
      program,
      env: { ...env, CRONMESH_HTTP_PORT: String(port), CRONMESH_WORKER_MODULES: join(folder, 'modules') },
      cwd: folder,
      log: join(folder, 'log'),
    });
    const rest = new Rest(`http://127.0.0.1:${port}`);
    try {
      await eventually('a seeded job succeeded', async () => {
        const { items } = await rest.get<{ items: RunView[] }>('/api/v1/runs?state=Succeeded&limit=1');
        return items.length > 0;
      });
      const executor = { module: { name: 'greet', input: { whom: 'ada' } } };
      await rest.post('/api/v1/jobs', { metadata: { name: 'greet' }, spec: { schedule: '@manually', executor } });
      const { id } = await rest.post<RunView>('/api/v1/namespaces/default/jobs/greet/trigger');
      await eventually('greeted', async () => {
        const { state, message } = await rest.get<RunView & { message?: string }>(`/api/v1/runs/${id}`);
        assert.notEqual(state, 'Failed', message);
        return state === 'Succeeded' && message === 'ada';
      });
      for (const page of ['/', '/ui/app.js', '/docs', '/docs/swagger-ui-bundle.js', '/openapi.json'])
        assert.equal((await rest.request('GET', page)).status, 200, page);
    } finally {
      assert.equal(await running.stop(), 0, running.output);
    }
  });
});
