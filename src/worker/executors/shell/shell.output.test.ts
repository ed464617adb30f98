import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recorder, shellRequest, until } from '../../supervisor/testing/requests.ts';
import { LimitedText } from '../text.ts';
import { createShellExecutor } from './index.ts';

const shellExecutor = createShellExecutor();

test('of output beyond the limit the first and the last half are kept, and the log says what is missing between them', async () => {
  const record = recorder();
  const command = 'head -c 2500 /dev/zero | tr "\\0" a; head -c 2500 /dev/zero | tr "\\0" b; printf 1234567890 >&2';
  const result = await shellExecutor.execute(shellRequest({ command, outputLimitBytes: 1_000 }), record.hooks).result;
  assert.equal(result.outcome, 'Succeeded');
  assert.equal(record.texts.stdout, 'a'.repeat(500) + 'b'.repeat(500));
  assert.equal(record.texts.stderr, '1234567890');
  assert.equal(
    record.texts.system,
    'stdout: 4000 bytes are left out here: outputLimitBytes is 1000, of which the first and the last half are kept\n',
  );
});

test('a flood of output neither blocks the process nor grows memory', async () => {
  const record = recorder();
  const command = 'head -c 300000000 /dev/zero';
  const before = process.memoryUsage().rss;
  const request = shellRequest({ command, outputLimitBytes: 1_000 });
  const result = await shellExecutor.execute(request, record.hooks).result;
  assert.equal(result.outcome, 'Succeeded');
  assert.match(record.texts.system, /^stdout: 299999000 bytes/);
  assert.ok(process.memoryUsage().rss - before < 100_000_000);
});

test('output stays in the pipe while the executor is asked to wait', async () => {
  const gate = Promise.withResolvers<void>();
  let open = false;
  const early: number[] = [];
  let length = 0;
  const execution = shellExecutor.execute(
    shellRequest({ command: 'head -c 1000000 /dev/zero | tr "\\0" a', outputLimitBytes: 2_000_000 }),
    {
      started: () => {},
      progress: () => {},
      output: (_stream, text) => {
        if (!open) early.push(text.length);
        length += text.length;
        return gate.promise;
      },
    },
  );
  await until(() => early.length > 0);
  // Long enough for the rest to come, if it could.
  await new Promise(resolve => setTimeout(resolve, 50));
  open = true;
  gate.resolve();
  assert.equal((await execution.result).outcome, 'Succeeded');
  assert.equal(early.length, 1);
  assert.equal(length, 1_000_000);
});

test('characters split between two reads stay whole; what is no text becomes text', () => {
  const text = new LimitedText(100);
  const euro = Buffer.from('a€b');
  assert.equal(text.take(euro.subarray(0, 2)), 'a');
  assert.equal(text.take(euro.subarray(2)), '€b');
  assert.equal(text.take(Buffer.from([0x00, 0xff, 0x41])), '\uFFFD\uFFFDA');
  assert.equal(text.take(Buffer.from([0xe2, 0x82])), '');
  assert.equal(text.end(), '\uFFFD');
});

test('the limit never leaves half a character', () => {
  const text = new LimitedText(2);
  assert.equal(text.take(Buffer.from('a€b')) + text.end(), 'a');
  assert.equal(text.dropped, 3);
});

test('the first half is shown while the run goes on, and the last at its end, behind the line about what is missing', async () => {
  const seen: string[] = [];
  const wait = Promise.withResolvers<void>();
  const command = 'printf "\\033[31mhead\\033[0m\\n"; head -c 5000 /dev/zero | tr "\\0" .; sleep 1; printf "€ tail\\n"';
  const execution = shellExecutor.execute(shellRequest({ command, outputLimitBytes: 100 }), {
    started: () => {},
    progress: () => {},
    output: (stream, text) => {
      seen.push(`${stream} ${text}`);
      wait.resolve();
      return undefined;
    },
  });
  await wait.promise;
  assert.ok(seen[0]?.startsWith('stdout \u001b[31mhead\u001b[0m\n'), seen[0]);
  assert.ok(!seen.join('').includes('tail'));
  await execution.result;
  const [note, tail] = seen.slice(-2);
  assert.match(note ?? '', /^system stdout: \d+ bytes are left out here/);
  assert.match(tail ?? '', /^stdout \.+€ tail\n$/);
});
