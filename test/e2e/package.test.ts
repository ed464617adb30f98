import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type InstalledPackage, installPackage } from '../support/package.ts';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest, type RunView } from '../support/rest.ts';

describe('the package, installed', () => {
  let installed: InstalledPackage;
  // The Node.js that runs the tests, as somebody who has a new one on PATH.
  const path = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { cwd: installed.folder, encoding: 'utf8', env: { PATH: path } });

  before(() => {
    installed = installPackage();
  });
  after(() => installed?.remove());

  it('holds what is needed, and nothing of the checkout’s own', () => {
    for (const file of [
      'bin/cronmesh',
      'dist/main/cronmesh.js',
      'dist/domain/schedule/index.d.ts',
      'dist/jobs/index.d.ts',
      'dist/main/module-host.js',
      'dist/ui/index.html',
      'prisma/schema.prisma',
      'proto/cronmesh/v1/report.proto',
      'LICENSE',
      'README.md',
    ]) {
      assert.ok(installed.files.includes(file), file);
    }
    const strangers = installed.files.filter(file =>
      /\.test\.|^(src|test|bench|scripts|data)\/|\/testing\//.test(file),
    );
    assert.deepEqual(strangers, []);
  });

  it('runs its program from the build', () => {
    assert.match(run(installed.program, '--help'), /^Usage: cronmesh/);
    assert.equal(
      run(
        installed.program,
        'next',
        '0 30 2 L * *',
        '--tz',
        'America/New_York',
        '--from',
        '2026-11-01T00:00:00Z',
        '--count',
        '2',
      ),
      '2026-11-30T07:30:00Z\n2026-12-31T07:30:00Z\n',
    );
  });

  it('gives the schedule engine to programs', () => {
    const program = `
      import { nextRuns, parseSchedule, previousRun, ScheduleError } from 'cronmesh/schedule';
      const options = { timeZone: 'Europe/Berlin', from: new Date('2026-03-28T12:00:00Z') };
      parseSchedule('H H * * *');
      let refused = false;
      try { nextRuns('61 * * * *'); } catch (error) { refused = error instanceof ScheduleError; }
      console.log(JSON.stringify([nextRuns('30 2 * * *', { ...options, count: 2 }), previousRun('30 2 * * *', options), refused]));
    `;
    assert.deepEqual(JSON.parse(run(process.execPath, '--input-type=module', '-e', program)), [
      ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
      '2026-03-28T01:30:00.000Z',
      true,
    ]);
  });

  it('gives it its types, whatever way modules are resolved', () => {
    writeFileSync(
      join(installed.folder, 'use.ts'),
      `import { nextRuns, parseSchedule, previousRun, ScheduleError } from 'cronmesh/schedule';
      export const next: Date[] = nextRuns('* * * * *', { timeZone: 'UTC', from: new Date(), count: 2, dstPolicy: 'Literal' });
      export const previous: Date | undefined = previousRun('* * * * *', { hashKey: 'a/b', anchor: new Date() });
      export const refused = (error: unknown): boolean => error instanceof ScheduleError;
      parseSchedule('@daily');
      // @ts-expect-error: an expression is text
      nextRuns(5);`,
    );
    const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
    for (const [module, resolution] of [
      ['nodenext', 'nodenext'],
      ['esnext', 'bundler'],
    ] as const) {
      run(
        tsc,
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        'false',
        '--types',
        '',
        '--target',
        'es2022',
        '--module',
        module,
        '--moduleResolution',
        resolution,
        'use.ts',
      );
    }
  });

  it('runs jobs in JavaScript, whose types follow from their schemas', async () => {
    writeFileSync(
      join(installed.folder, 'jobs.ts'),
      `import { defineExecutor, defineJob, type JobContext, type RunContext } from 'cronmesh/jobs';
      import { z } from 'zod';
      export const mail = defineJob({
        name: 'mail',
        input: z.object({ to: z.string(), copies: z.number().default(1) }),
        async run({ input, tick, shard, signal, progress, log }) {
          const to: string = input.to;
          const copies: number = input.copies;
          const when: Date | undefined = tick;
          const of: number | undefined = shard?.count;
          signal.throwIfAborted();
          progress(50, to);
          log.info(\`\${to} \${copies} \${when === undefined} \${of === undefined}\`);
          // @ts-expect-error: the schema knows no such field
          if (input.cc !== undefined) throw new Error('no');
          return { message: 'sent' };
        },
      });
      export const open = defineJob({ name: 'open', run: ({ input }: JobContext<unknown>) => void input });
      export const plain = defineJob({ name: 'plain', run: (context: RunContext) => context.run });
      export const sql = defineExecutor({
        name: 'sql',
        config: z.object({ query: z.string() }),
        run: ({ config }) => config.query.toUpperCase(),
      });
      // @ts-expect-error: run is needed
      if (false) defineJob({ name: 'x' });
      // @ts-expect-error: a run says what it has to say as text
      if (false) defineJob({ name: 'x', run: () => 5 });`,
    );
    const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
    run(
      tsc,
      ...['--noEmit', '--strict', '--skipLibCheck', 'false', '--types', '', '--target', 'es2022'],
      ...['--lib', 'es2023,dom', '--module', 'nodenext', 'jobs.ts'],
    );

    const port = await freePort();
    const program = new Program(['standalone'], {
      program: installed.program,
      env: { CRONMESH_HTTP_PORT: String(port), CRONMESH_WORKER_MODULES: './jobs.ts', PATH: path },
      cwd: installed.folder,
      log: join(installed.folder, 'log'),
    });
    const rest = new Rest(`http://127.0.0.1:${port}`);
    try {
      await eventually(
        'ready',
        async () => {
          assert.ok(program.running, program.output);
          return (await rest.request('GET', '/readyz')).ok;
        },
        90_000,
      );
      const executor = { module: { name: 'mail', input: { to: 'ada' } } };
      await rest.post('/api/v1/jobs', { metadata: { name: 'mail' }, spec: { schedule: '@manually', executor } });
      const { id } = await rest.post<RunView>('/api/v1/namespaces/default/jobs/mail/trigger');
      await eventually(
        'sent',
        async () => {
          const now = await rest.get<RunView & { message?: string }>(`/api/v1/runs/${id}`);
          assert.notEqual(now.state, 'Failed', now.message);
          return now.state === 'Succeeded' && now.message === 'sent';
        },
        60_000,
      );
    } finally {
      assert.equal(await program.stop(), 0, program.output);
    }
  });

  it('serves the whole product, page and documentation too', async () => {
    const port = await freePort();
    const program = new Program(['standalone'], {
      program: installed.program,
      env: { CRONMESH_HTTP_PORT: String(port), PATH: path },
      cwd: installed.folder,
      log: join(installed.folder, 'log'),
    });
    const rest = new Rest(`http://127.0.0.1:${port}`);
    try {
      await eventually('a seeded job succeeded', async () => {
        const { items } = await rest.get<{ items: RunView[] }>('/api/v1/runs?state=Succeeded&limit=1');
        return items.length > 0;
      });
      for (const page of ['/', '/docs']) await loadsWith(rest, page);
    } finally {
      assert.equal(await program.stop(), 0, program.output);
    }
  });
});

/** The page, and everything that it names: scripts, what they import, styles, icons. */
async function loadsWith(rest: Rest, page: string): Promise<void> {
  const seen = new Set([page]);
  for (const address of seen) {
    const response = await rest.request('GET', address);
    assert.equal(response.status, 200, address);
    const text = await response.text();
    assert.notEqual(text, '', address);
    const names =
      page === address
        ? text.matchAll(/(?:src|href)="(\/[^"]+\.[a-z]+)"/g)
        : text.matchAll(/^(?:import|\} from) .*'(\.\/[^']+)'/gm);
    for (const [, name = ''] of names) seen.add(new URL(name, `http://x${address}`).pathname);
  }
  assert.ok(seen.size > 2, `${page} names nothing`);
}
