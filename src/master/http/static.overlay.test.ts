import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { pageRoutes } from './routes/pages.ts';

describe('a folder over the page', () => {
  it('goes before the page, at each request, file by file', async t => {
    const folder = temporaryDirectory(t);
    const app = pageRoutes(folder);
    const text = async (path: string): Promise<string> => await (await app.request(path)).text();
    const [style, script] = [await text('/ui/style.css'), await text('/ui/app.js')];
    const tag = (await app.request('/ui/style.css')).headers.get('etag') ?? '';

    for (const body of ['body { color: red }', 'body { color: green }']) {
      writeFileSync(join(folder, 'style.css'), body);
      const answer = await app.request('/ui/style.css', { headers: { 'if-none-match': tag } });
      assert.deepEqual([answer.status, await answer.text()], [200, body]);
      assert.equal(answer.headers.get('content-type'), 'text/css; charset=utf-8');
    }
    writeFileSync(join(folder, 'index.html'), '<p>new');
    assert.equal(await text('/'), '<p>new');
    assert.equal(await text('/ui/app.js'), script);

    rmSync(join(folder, 'style.css'));
    assert.equal(await text('/ui/style.css'), style);
  });

  it('adds no file to the page', async t => {
    const folder = temporaryDirectory(t);
    writeFileSync(join(folder, 'secret.js'), '');
    assert.equal((await pageRoutes(folder).request('/ui/secret.js')).status, 404);
  });
});
