import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { secretRef } from '../../../domain/job/spec/secret-ref.ts';
import { jobSpec } from '../../../domain/job/spec.ts';
import { eligibilityClass, isEligible } from '../../../domain/policy/eligibility.ts';
import { httpRequest, recorder, shellRequest } from '../../supervisor/testing/requests.ts';
import { supervisorEnvironment } from '../environment.ts';
import { createHttpExecutor } from '../http/index.ts';
import { createShellExecutor } from '../shell/index.ts';
import { withSecrets } from './index.ts';
import { readReferences } from './read.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'cronmesh-secrets-'));
  // As Kubernetes mounts a Secret.
  mkdirSync(join(directory, '..2026_11_24'));
  writeFileSync(join(directory, '..2026_11_24', 'token'), 'mounted');
  symlinkSync('..2026_11_24', join(directory, '..data'));
  symlinkSync('..data/token', join(directory, 'token'));
  writeFileSync(join(directory, 'lines'), 'one\r\ntwo\r\n\n');
  writeFileSync(join(directory, 'bytes'), Buffer.from([0xff, 0xfe]));
  writeFileSync(join(directory, 'nul'), 'a\0b');
  writeFileSync(join(directory, 'large'), 'x'.repeat(128 * 1024 + 1));
  symlinkSync('..', join(directory, 'up'));
  symlinkSync(`${directory}-beside`, join(directory, 'beside'));
  mkdirSync(`${directory}-beside`);
  writeFileSync(join(`${directory}-beside`, 'x'), 'x');
  execFileSync('mkfifo', [join(directory, 'pipe')]);
});
after(() => {
  rmSync(directory, { recursive: true });
  rmSync(`${directory}-beside`, { recursive: true });
});

const read = async (path: string, optional = false) => {
  const refs = [secretRef.parse({ name: 'X', file: { path, optional } })];
  const options = { namespace: 'n', signal: new AbortController().signal };
  return (await readReferences(refs, { directory }, options)).values.X;
};

test('a file is read through the links that stay inside, without one line break at its end', async () => {
  assert.equal(await read('token'), 'mounted');
  assert.equal(await read('lines'), 'one\r\ntwo\r\n');
  assert.equal(await read('no/such', true), undefined);
  assert.equal(await read('token/below', true), undefined);
});

const refused: readonly (readonly [path: string, says: RegExp])[] = [
  ['up/etc', /was not found|lies outside/],
  ['beside/x', /lies outside of this worker's folder of secrets/],
  ['no', /the file no was not found in this worker's folder of secrets/],
  ['bytes', /the file bytes is no text/],
  ['nul', /the file nul is no text/],
  ['large', /the file large is larger than 131072 bytes/],
  ['pipe', /pipe is no file/],
];
for (const [path, says] of refused) test(`a file is refused: ${path}`, () => assert.rejects(read(path), says));

test('a link that leads outside is refused though it is optional', async () => {
  await assert.rejects(read('beside/x', true), /lies outside/);
});

test('a worker without a folder has no files for jobs', async () => {
  const refs = [secretRef.parse({ name: 'X', file: { path: 'token' } })];
  await assert.rejects(
    readReferences(refs, {}, { namespace: 'n', signal: new AbortController().signal }),
    /this worker has no files for jobs; to give them some, set worker\.secrets\.directory/,
  );
});

test('a Secret still needs Kubernetes, a worker’s own values do not', () => {
  const spec = (ref: object) =>
    jobSpec.parse({ schedule: '@daily', executor: { shell: { command: 'a' } }, secretRefs: [{ name: 'X', ...ref }] });
  const worker = { labels: {}, executors: ['shell' as const], kubernetes: false };
  const own = spec({ file: { path: 'a' } });
  const secret = spec({ secretKeyRef: { name: 's', key: 'k' } });
  assert.ok(isEligible(worker, own) && !isEligible(worker, secret));
  assert.notEqual(eligibilityClass(own), eligibilityClass(secret));
});

test('the supervisor gets the variables that jobs may name, and no other', () => {
  const worker = { PATH: '/bin', A: 'a', B: 'b', DATABASE_URL: 'x' };
  const secrets = { variables: ['A', 'C'] };
  assert.deepEqual(supervisorEnvironment(worker, { kubernetes: false, secrets }), { PATH: '/bin', A: 'a' });
});

test('a value is hidden on both sides of what the limit leaves out, and in the message', async () => {
  process.env.CUT_SECRET = 'begin-0123456789-end';
  const refs = [secretRef.parse({ name: 'S', environment: { variable: 'CUT_SECRET' } })];
  const executor = withSecrets(createShellExecutor(), { variables: ['CUT_SECRET'] });
  // Whatever the limit, it cuts into one of the values.
  for (const outputLimitBytes of [41, 50, 63, 87]) {
    const record = recorder();
    const command = 'for i in 1 2 3 4 5 6 7 8 9 10; do printf "%s" "$S"; done; printf "%s" "$S" >&2; exit 7';
    const request = shellRequest({ command, outputLimitBytes }, { secretRefs: refs });
    const result = await executor.execute(request, record.hooks).result;
    assert.equal(result.exitCode, 7);
    assert.match(record.texts.stdout, /^\**$/);
    assert.equal(record.texts.stderr, '***');
  }
  const missing = shellRequest({ command: ['/no/begin-0123456789-end'] }, { secretRefs: refs });
  const { message } = await executor.execute(missing, recorder().hooks).result;
  assert.equal(message, 'could not start: /no/*** was not found');
});

test('values of ConfigMaps are no secrets', async () => {
  const api = { call: async () => ({ data: { mode: 'fast' } }) } as never;
  const refs = [secretRef.parse({ name: 'MODE', configMapKeyRef: { name: 'c', key: 'mode' } })];
  const { values, hidden } = await readReferences(
    refs,
    { api },
    { namespace: 'n', signal: new AbortController().signal },
  );
  assert.deepEqual([values, hidden], [{ MODE: 'fast' }, []]);
});

test('the token of a callback is hidden in what the server says back', async t => {
  const server = createServer((request, response) => response.end(request.headers['cronmesh-callback-url']));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const request = httpRequest({ url }, { callbackUrl: 'http://m/api/v1/callbacks/r/1?token=0123456789' });
  const record = recorder();
  const executor = withSecrets(createHttpExecutor({ allowPrivateAddresses: true }), {});
  assert.equal((await executor.execute(request, record.hooks).result).outcome, 'Succeeded');
  assert.equal(record.texts.stdout, 'http://m/api/v1/callbacks/r/1?token=***');
});
