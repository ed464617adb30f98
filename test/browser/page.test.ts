import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { browserSkip, startBrowser } from '../support/browser.ts';
import { eventually, freePort, Program } from '../support/process.ts';
import { Rest } from '../support/rest.ts';

describe('the page', { skip: browserSkip() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-page-'));
  let address: string;
  let rest: Rest;
  let program: Program;
  let browser: Browser;
  let page: Page;
  let complaints: string[] = [];

  const jobRow = (name: string): Locator =>
    page.locator('#jobs tr').filter({ has: page.locator('[data-action=show]', { hasText: new RegExp(`^${name}$`) }) });
  const runRows = (name: string): Locator =>
    page.locator('#runs tr').filter({ has: page.locator('td[data-label=Job]', { hasText: name }) });
  const textOf = async (place: Locator): Promise<string> => (await place.textContent()) ?? '';
  const dialog = (): Locator => page.locator('#dialog[open]');
  const create = (name: string, spec: object): Promise<unknown> =>
    rest.post('/api/v1/namespaces/default/jobs', { metadata: { name }, spec: { schedule: '@manually', ...spec } });

  before(async () => {
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    rest = new Rest(address);
    const env = { CRONMESH_HTTP_PORT: String(port) };
    program = new Program(['standalone'], { env, log: join(folder, 'log'), cwd: folder });
    browser = await startBrowser();
    await eventually('the server is ready', async () => (await rest.request('GET', '/readyz')).ok, 120_000);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    complaints = [];
    page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', error => complaints.push(String(error)));
    page.on('requestfailed', request => {
      // Streams end with the dialog or the page that reads them.
      if (!/\/events$|follow=true$/.test(request.url()))
        complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
    });
    page.on('request', request => {
      if (!request.url().startsWith(address)) complaints.push(`asks elsewhere: ${request.url()}`);
    });
    await page.goto(address);
    await page.locator('#live.on').waitFor();
  });
  afterEach(async () => {
    await page?.close();
    assert.deepEqual(complaints, [], 'the browser complains');
  });

  it('shows jobs, when they are due next, and how they went', async () => {
    for (const name of ['hello', 'health', 'slow', 'disk', 'by-hand']) await jobRow(name).waitFor();
    const hello = jobRow('hello');
    assert.match(await textOf(hello.locator('td[data-label="Next tick"]')), /in \d+ ?s|now/);
    await hello.locator('td[data-label="Last run"]', { hasText: 'Succeeded' }).waitFor();
    await page.locator('#workers', { hasText: '1 of 1 worker ready' }).waitFor();
  });

  it('shows runs as they happen, without being loaded again', async () => {
    await create('live', { schedule: '* * * * * *', executor: { shell: { command: 'true' } } });
    await jobRow('live').waitFor();
    await runRows('live').nth(2).waitFor();
    await rest.request('DELETE', '/api/v1/namespaces/default/jobs/live');
    await jobRow('live').waitFor({ state: 'detached' });
  });

  it('starts a job by its button, and shows what it prints while it runs', async () => {
    const gate = join(folder, 'gate');
    const command = `echo "the first line"; until [ -e ${gate} ]; do sleep 0.1; done; echo "the <b>last</b> line"`;
    await create('asked', { executor: { shell: { command } } });
    await jobRow('asked').locator('[data-action=trigger]').click();
    const run = runRows('asked').first();
    await run.locator('[data-action=log]').click();
    const log = dialog().locator('pre.log');
    await log.filter({ hasText: 'the first line' }).waitFor();
    assert.doesNotMatch(await textOf(log), /last/);
    writeFileSync(gate, '');
    await dialog().locator('p[role=status]', { hasText: 'It has ended.' }).waitFor();
    assert.equal(await textOf(log), 'the first line\nthe <b>last</b> line\n');
    await dialog().locator('dd .state', { hasText: 'Succeeded' }).waitFor();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    await run.locator('.state', { hasText: 'Succeeded' }).waitFor();
  });

  it('ends a run by its button', async () => {
    await create('endless', { executor: { shell: { command: 'sleep 600' } } });
    await jobRow('endless').locator('[data-action=trigger]').click();
    const run = runRows('endless').first();
    await run.locator('.state', { hasText: 'Running' }).waitFor();
    await run.locator('[data-action=kill]').click();
    await run.locator('.state', { hasText: 'Killed' }).waitFor();
  });

  it('suspends and resumes a job', async () => {
    const disk = jobRow('disk');
    await disk.locator('button', { hasText: 'Suspend' }).click();
    await disk.locator('.state', { hasText: 'Suspended' }).waitFor();
    await disk.locator('button', { hasText: 'Resume' }).click();
    await disk.locator('td[data-label="Next tick"]', { hasText: /in / }).waitFor();
  });

  it('tells of a job its next ticks, and why ticks did not run', async () => {
    await eventually('the slow job has skips', async () => {
      const { items } = await rest.get<{ items: { reason: string }[] }>('/api/v1/namespaces/default/jobs/slow/skips');
      return items.some(({ reason }) => reason === 'StillRunning');
    });
    await jobRow('slow').locator('[data-action=show]').click();
    await dialog().locator('li', { hasText: 'StillRunning' }).first().waitFor();
    assert.equal(await dialog().locator('ul').first().locator('li').count(), 5);
    await dialog().locator('#dialog-close').click();
    await dialog().waitFor({ state: 'detached' });
  });

  it('tells how far a backfill of a job came', async () => {
    await create('filled', { schedule: '0 * * * *', suspend: true, executor: { shell: { command: 'true' } } });
    const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T03:00:00Z' };
    const path = '/api/v1/namespaces/default/jobs/filled/backfills';
    await rest.post(path, range);
    await eventually(
      'its end',
      async () => (await rest.get<{ items: { state: string }[] }>(path)).items[0]?.state === 'Done',
    );
    await jobRow('filled').locator('[data-action=show]').click();
    await dialog().locator('li', { hasText: 'Done, 3 of 3 ticks' }).waitFor();
    await dialog().locator('#dialog-close').click();
    await dialog().waitFor({ state: 'detached' });
  });

  it('finds jobs by name', async () => {
    await page.locator('#search').fill('HEAL');
    await jobRow('hello').waitFor({ state: 'detached' });
    assert.equal(await page.locator('#jobs tr').count(), 1);
    await page.locator('#search').fill('no-such');
    await page.locator('#jobs-empty', { hasText: 'no-such' }).waitFor();
  });

  it('documents the API', async () => {
    await page.goto(`${address}/docs`);
    await page.locator('.opblock-summary-path', { hasText: '/jobs/{name}/trigger' }).first().waitFor();
  });

  it('says that the server is away, and comes back with it', async () => {
    await program.stop();
    await page.locator('#live', { hasText: 'Reconnecting' }).waitFor();
    // What the browser says of a connection that is refused is no fault of the page.
    complaints = [];
    const env = { CRONMESH_HTTP_PORT: new URL(address).port };
    program = new Program(['standalone'], { env, log: join(folder, 'log'), cwd: folder });
    await page.locator('#live.on').waitFor({ timeout: 60_000 });
    await jobRow('hello').waitFor();
    complaints = complaints.filter(text => !/ERR_CONNECTION_REFUSED|503|ERR_INCOMPLETE/.test(text));
  });
});
