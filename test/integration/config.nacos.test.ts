import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { SourceState } from '../../src/config/source.ts';
import { type NacosOptions, nacosSource } from '../../src/config/sources/nacos/nacos.ts';
import { type NacosServer, rnacosSkip, startNacos } from '../support/nacos.ts';
import { eventually, freePort } from '../support/process.ts';

const password = 'a-password-1';
const document = { namespace: 'public', group: 'DEFAULT_GROUP', dataId: 'cronmesh' } as const;
const user = { username: 'admin', password };

describe('settings in a Nacos that asks for a login', { skip: rnacosSkip() }, () => {
  let server: NacosServer;

  before(async () => {
    server = await startNacos({ password });
  });
  after(() => server?.stop());

  const following = async (
    options: Partial<NacosOptions>,
    use: (states: readonly SourceState[], last: () => SourceState | undefined) => Promise<void>,
  ): Promise<void> => {
    const states: SourceState[] = [];
    const stopping = new AbortController();
    const source = nacosSource({ ...document, addresses: [server.address], user, ...options });
    const followed = source.follow(state => states.push(state), stopping.signal);
    try {
      await use(states, () => states.at(-1));
    } finally {
      stopping.abort();
      await followed;
    }
  };
  const text = (state: SourceState | undefined): string | undefined => (state?.is === 'here' ? state.text : undefined);

  it('are read, pushed when they change, and gone when they are deleted', async () => {
    await server.publish('cronmesh', 'one');
    await following({}, async (_, last) => {
      await eventually('the first', () => text(last()) === 'one');
      const long = `# ${'é'.repeat(40_000)}`;
      await server.publish('cronmesh', long);
      await eventually('the second', () => text(last()) === long, 5_000);
      await server.remove('cronmesh');
      await eventually('none', () => last()?.is === 'here' && text(last()) === undefined, 5_000);
      await server.publish('cronmesh', 'three');
      await eventually('the third', () => text(last()) === 'three', 5_000);
    });
  });

  it('are found in their namespace and group', async () => {
    await server.publish('cronmesh', 'elsewhere', { namespace: 'prod', group: 'g' });
    await following({ namespace: 'prod', group: 'g' }, async (_, last) => {
      await eventually('it', () => text(last()) === 'elsewhere');
      await server.publish('cronmesh', 'changed', { namespace: 'prod', group: 'g' });
      await eventually('the change', () => text(last()) === 'changed', 5_000);
    });
  });

  it('are refused to a wrong password, which is said without it, and to nobody', async () => {
    await following({ user: { username: 'admin', password: 'wrong-one' } }, async states => {
      await eventually('it is away', () => states.length > 0);
      const [state] = states;
      assert.ok(state?.is === 'away');
      assert.match(state.reason, /the login as admin failed/);
      assert.doesNotMatch(state.reason, /wrong-one/);
    });
    await following({ user: undefined }, async states => {
      await eventually('it is away', () => states.length > 0);
      assert.ok(states[0]?.is === 'away', JSON.stringify(states[0]));
    });
  });

  it('come from another server when one is away', async () => {
    await server.publish('cronmesh', 'here');
    await following({ addresses: [`127.0.0.1:${await freePort()}`, server.address] }, async (states, last) => {
      await eventually('it', () => text(last()) === 'here');
      assert.deepEqual(states.filter(one => one.is === 'away').length, 0);
    });
  });
});

it('a Nacos that was never there keeps no process from its end, nor its processor busy', async () => {
  const module = fileURLToPath(new URL('../../src/config/sources/nacos/nacos.ts', import.meta.url));
  const options = { ...document, addresses: [`127.0.0.1:${await freePort()}`] };
  const program = `
    process.on('unhandledRejection', error => { console.error(error); process.exitCode = 3; });
    const { nacosSource } = await import(${JSON.stringify(module)});
    const stopping = new AbortController();
    const states = [];
    const followed = nacosSource(${JSON.stringify(options)}).follow(state => states.push(state.is), stopping.signal);
    await new Promise(resolve => setTimeout(resolve, 4000));
    const before = process.cpuUsage();
    await new Promise(resolve => setTimeout(resolve, 4000));
    const { user, system } = process.cpuUsage(before);
    stopping.abort();
    await followed;
    console.log(JSON.stringify({ away: states.every(one => one === 'away'), tries: states.length, busy: (user + system) / 4e6 }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 60_000,
  });
  const { away, tries, busy } = JSON.parse(stdout);
  assert.ok(away && tries >= 2 && tries < 40, stdout);
  assert.ok(busy < 0.2, stdout);
});
