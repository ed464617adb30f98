import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../support/process.ts';
import { command } from './command.ts';
import type { Node } from './lab.ts';
import { LabNetwork } from './network.ts';
import { makePlace, type Place, removePlace, sweep } from './place.ts';
import { labSkip } from './skip.ts';

/** Connects to a port that nobody listens at; prints after how many microseconds it was refused, or nothing. */
const knock = `
began=\${EPOCHREALTIME/./}
timeout 1 bash -c "exec 3<>/dev/tcp/$0/9" 2> /dev/null
if [ $? = 1 ]; then echo $((\${EPOCHREALTIME/./} - began)); fi
`;
const fetchAll = 'import sys, urllib.request; print(len(urllib.request.urlopen(sys.argv[1]).read()))';

describe('the network of the lab', { skip: labSkip(), timeout: 60_000 }, () => {
  let place: Place;
  let network: LabNetwork;
  let a: Node;
  let b: Node;
  let c: Node;

  before(async () => {
    place = makePlace();
    network = await LabNetwork.create(place.name);
    a = await network.add('a');
    b = await network.add('b');
    c = await network.add('c');
  });

  after(() => removePlace(place));

  const python = (from: Node, code: string, argument: string): Promise<string> =>
    command('ip', ['netns', 'exec', network.namespaceOf(from.name), 'python3', '-c', code, argument]);

  /** In milliseconds, the start of a process included; undefined when there is none within a second. */
  async function roundTrip(from: Node, to: string): Promise<number | undefined> {
    const enter = ['netns', 'exec', network.namespaceOf(from.name)];
    const took = await command('ip', [...enter, 'bash', '-c', knock, to]);
    return took === '' ? undefined : Number(took) / 1000;
  }

  const reaches = async (from: Node, to: Node): Promise<boolean> => (await roundTrip(from, to.address)) !== undefined;

  it('lets every node reach every other, and the harness', async () => {
    assert.deepEqual(await Promise.all([reaches(a, b), reaches(b, c), reaches(c, a)]), [true, true, true]);
    assert.notEqual(await roundTrip(a, network.outside), undefined);
  });

  it('drops everything between two sides, both ways, and nothing else', async () => {
    const heal = await network.cut([a], [b]);
    assert.deepEqual(await Promise.all([reaches(a, b), reaches(b, a), reaches(a, c), reaches(b, c)]), [
      false,
      false,
      true,
      true,
    ]);
    assert.notEqual(await roundTrip(a, network.outside), undefined);
    await heal();
    assert.ok(await reaches(a, b));
  });

  it('heals a cut by itself where another stays', async () => {
    const [first, second] = [await network.cut([a], [b, c]), await network.cut([a], [b])];
    await first();
    await first();
    assert.deepEqual(await Promise.all([reaches(a, b), reaches(a, c)]), [false, true]);
    await second();
    assert.ok(await reaches(a, b));
  });

  it('heals all at once', async () => {
    await network.cut([a, b], [c]);
    await network.impair(a, { lossPercent: 100 });
    assert.deepEqual(await Promise.all([reaches(a, b), reaches(b, c)]), [false, false]);
    await network.heal();
    assert.deepEqual(await Promise.all([reaches(a, b), reaches(b, c), reaches(c, a)]), [true, true, true]);
  });

  it('delays what a node sends and receives', async () => {
    const end = await network.impair(a, { delayMs: 150 });
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const took = await roundTrip(from, to.address);
      assert.ok(took !== undefined && took >= 300, `${from.name} to ${to.name}: ${took} ms`);
    }
    await eventually('a quick way past it', async () => ((await roundTrip(b, c.address)) ?? 1_000) < 300);
    await end();
    await eventually('a quick way after it', async () => ((await roundTrip(a, b.address)) ?? 1_000) < 300);
  });

  it('has the newest of several impairments in force, and then the one before', async () => {
    const first = await network.impair(a, { delayMs: 100 });
    const second = await network.impair(a, { lossPercent: 100 });
    assert.equal(await reaches(a, b), false);
    await second();
    assert.ok(((await roundTrip(a, b.address)) ?? 0) >= 200);
    await first();
  });

  it('loses and doubles frames in the share that was asked for', async () => {
    const end = await network.impair(a, { lossPercent: 50, duplicatePercent: 50 });
    const got = await datagrams(500);
    await end();
    // Each is sent one and a half times, and half of that is lost: 375, of which some are doubles.
    assert.ok(got.all > 300 && got.all < 450, `${got.all} came`);
    assert.ok(got.different > 260 && got.different < 380, `${got.different} different ones came`);
    const clean = await datagrams(500);
    assert.deepEqual(clean, { all: 500, different: 500 });
  });

  it('carries a large answer whole over a bad cable', async () => {
    const body = Buffer.alloc(5_000_000, 7);
    const server = createServer((_, response) => response.end(body)).listen(0, network.outside);
    await once(server, 'listening');
    const url = `http://${network.outside}:${(server.address() as AddressInfo).port}/`;
    const end = await network.impair(a, { delayMs: 5, jitterMs: 2, lossPercent: 1, duplicatePercent: 2 });
    assert.equal((await python(a, fetchAll, url)).trim(), String(body.length));
    await end();
    assert.equal((await python(a, fetchAll, url)).trim(), String(body.length));
    server.closeAllConnections();
    server.close();
  });

  /** Sends numbered datagrams from a to b. */
  async function datagrams(count: number): Promise<{ all: number; different: number }> {
    const listen = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind(('', 5000))
print('listening', flush=True)
got = []
s.settimeout(20)
while True:
  got.append(s.recv(10))
  if got[-1] == b'end': break
print(len(got) - got.count(b'end'), len(set(got)) - 1)
`;
    const namespace = network.namespaceOf(b.name);
    const receiver = spawn('ip', ['netns', 'exec', namespace, 'python3', '-c', listen], { stdio: 'pipe' });
    let said = '';
    receiver.stdout.on('data', chunk => {
      said += chunk;
    });
    const over = once(receiver, 'close');
    await once(receiver.stdout, 'data');
    const send = `
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(${count}):
  s.sendto(str(i).encode(), (sys.argv[1], 5000))
  time.sleep(0.0005)
# The last word may be lost, too.
time.sleep(0.2)
for i in range(40): s.sendto(b'end', (sys.argv[1], 5000))
`;
    await Promise.all([python(a, send, b.address), over]);
    const [, all, different] = said.split(/\s/).map(Number);
    return { all: all ?? 0, different: different ?? 0 };
  }
});

describe('what a dead process left of its lab', { skip: labSkip(), timeout: 60_000 }, () => {
  it('is swept away, processes and all', async () => {
    const script = `
      const { LabNetwork } = await import('./network.ts');
      const { makePlace, mountTmpfs } = await import('./place.ts');
      const { NodeProcess } = await import('./process.ts');
      const place = makePlace();
      mountTmpfs(place.folder + '/disk', place.name, '1m');
      const network = await LabNetwork.create(place.name);
      await network.add('a');
      await network.impair({ name: 'a', address: '' }, { delayMs: 1 });
      const namespace = network.namespaceOf('a');
      await new NodeProcess({ namespace, node: 'a', command: ['sleep', '1000'], log: '/dev/null' }).start();
      console.log(place.name);
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = await Promise.race([once(child.stdout, 'data'), ended(child)]);
    const name = String(said).trim();
    assert.match(await everything(), new RegExp(name));
    child.kill('SIGKILL');
    await ended(child);
    sweep();
    assert.doesNotMatch(await everything(), new RegExp(name));
  });
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** What a lab's name could be found in. */
async function everything(): Promise<string> {
  const [namespaces, links, mounts, processes] = await Promise.all([
    command('ip', ['netns']),
    command('ip', ['-o', 'link']),
    command('cat', ['/proc/mounts']),
    command('sh', ['-c', 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; done 2> /dev/null; true']),
  ]);
  return [namespaces, links, mounts, processes].join('\n');
}
