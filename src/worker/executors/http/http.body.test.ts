import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { ExpectedBody } from '../../../domain/job/http-answer.ts';
import { httpRequest, recorder } from '../../supervisor/testing/requests.ts';
import { createHttpExecutor } from './index.ts';

const executor = createHttpExecutor({ allowPrivateAddresses: true });
/** Answers with the body that the request brings. */
const server = createServer((request, response) => {
  response.writeHead(Number(request.headers['x-status'] ?? 200));
  request.pipe(response);
});
let url = '';

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

async function judge(body: string, expectedBody: ExpectedBody, status = '200'): Promise<string> {
  const request = httpRequest({ url, method: 'POST', body, headers: { 'x-status': status }, expectedBody });
  const { outcome, message = '' } = await executor.execute(request, recorder().hooks).result;
  return outcome === 'Succeeded' ? outcome : message.replace('the server answered 200 OK, but ', '');
}

const json = (pointer: string, equals: unknown) => ({ json: { pointer, equals } });
const document = JSON.stringify({ status: 'ok', n: 1, list: [{ a: null }, 2], 'a/b': { '~': true } });
const mib = 1024 * 1024;

const cases: readonly (readonly [body: string, expected: ExpectedBody, outcome: string])[] = [
  ['all fine', { contains: 'fine' }, 'Succeeded'],
  ['all bad', { contains: 'fine' }, 'its body does not contain "fine"'],
  ['count: 42', { matches: '^count: \\d+$' }, 'Succeeded'],
  ['count: x', { matches: '^count: \\d+$' }, 'its body does not match "^count: \\\\d+$"'],
  ['fine, 42', { contains: 'fine', matches: '\\d' }, 'Succeeded'],
  ['fine', { contains: 'fine', matches: '\\d' }, 'its body does not match "\\\\d"'],
  [document, json('/status', 'ok'), 'Succeeded'],
  [document, json('/status', 'no'), 'its body at /status is "ok", expected was "no"'],
  [document, json('/n', '1'), 'its body at /n is 1, expected was "1"'],
  [document, json('/list', [{ a: null }, 2]), 'Succeeded'],
  [document, json('/list/0/a', null), 'Succeeded'],
  [document, json('/list/length', 2), 'its body at /list/length has no value, expected was 2'],
  [document, json('/constructor', 'x'), 'its body at /constructor has no value, expected was "x"'],
  [document, json('/a~1b/~0', true), 'Succeeded'],
  ['"x"', json('', 'x'), 'Succeeded'],
  ['<html>', json('', 'x'), 'its body is not JSON'],
  ['', json('', 'x'), 'its body is not JSON'],
  [`${'x'.repeat(mib - 4)}fine`, { contains: 'fine' }, 'Succeeded'],
  [`${'x'.repeat(mib - 3)}fine`, { contains: 'fine' }, 'the first 1 MiB of its body does not contain "fine"'],
  [`"${'x'.repeat(mib)}"`, json('', 'x'), 'its body is longer than the 1 MiB of JSON that can be judged'],
];
for (const [body, expected, outcome] of cases) {
  test(`${JSON.stringify(expected)} of ${body.slice(0, 20)}: ${outcome.slice(0, 40)}`, async () => {
    assert.equal(await judge(body, expected), outcome);
  });
}

test('the status is judged first, and both must be right', async () => {
  assert.equal(
    await judge('fine', { contains: 'fine' }, '503'),
    'the server answered 503 Service Unavailable, expected was 2xx',
  );
});

test('a pattern that takes for ever is given up, and stops nothing meanwhile', { timeout: 30_000 }, async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 100);
  const outcome = await judge(`${'a'.repeat(60)}!`, { matches: '^(a+)+$' });
  clearInterval(timer);
  assert.equal(outcome, 'it could not be told within 5 s whether its body matches "^(a+)+$"');
  assert.ok(turns > 20, `only ${turns} turns`);
});
