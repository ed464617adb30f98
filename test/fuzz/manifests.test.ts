import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CliError } from '../../src/cli/errors.ts';
import { readManifests } from '../../src/cli/manifests/read.ts';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { cpuMs, fuzz, Mutator } from './support/mutate.ts';

const folder = mkdtempSync(join(tmpdir(), 'cronmesh-fuzz-'));
const file = join(folder, 'input.yaml');
after(() => rmSync(folder, { recursive: true, force: true }));

const examples = globSync(new URL('../../deploy/examples/*.yaml', import.meta.url).pathname).map(name =>
  readFileSync(name),
);
const small = [
  '{"items":[{"metadata":{"name":"a"},"spec":{"schedule":"@daily","executor":{"shell":{"command":"date"}}}}]}',
  'a: &a [1, 2]\nb: *a\n<<: {c: d}\n---\n? [x]\n: y\n...\n',
  '- !!binary aGVsbG8=\n- !!timestamp 2026-01-01\n- 0x1F\n- .nan\n- .inf\n- ~\n',
  'kind: Calendar\nmetadata: {name: holidays}\nspec: {dates: ["2026-12-25"], weekly: [{days: [Sat, Sun]}]}\n',
];
const tokens = [
  '&a ',
  '*a',
  '<<: ',
  '---\n',
  '!!',
  '? ',
  ': ',
  '|\n',
  '>\n',
  '[',
  '{',
  '- ',
  '\t',
  '%YAML 1.2\n',
  '...',
  '!!set ',
  '__proto__: ',
  'constructor: ',
];

/** The documents that were read, or undefined for a CliError; anything else is a failure. */
async function read(input: string | Uint8Array): Promise<number | undefined> {
  writeFileSync(file, input);
  try {
    return (await readManifests([file], {})).length;
  } catch (error) {
    assert.ok(error instanceof CliError, `threw ${(error as Error).stack}`);
    assert.equal(error.status, 2);
    assert.ok(error.message.includes(file) || error.message.includes('problems in the manifests'), error.message);
    return undefined;
  }
}

function configure(input: string | Uint8Array): void {
  writeFileSync(file, input);
  try {
    loadConfig('master', { file, environment: {} });
  } catch (error) {
    assert.ok(error instanceof ConfigError, `threw ${(error as Error).stack}`);
    assert.ok(
      error.message.startsWith('configuration: ') && error.message.length < 4_000,
      error.message.slice(0, 4_000),
    );
  }
}

/** Each level is fourteen of the one below: 10^8 values at the seventh. */
function laughs(levels: number): string {
  const lines = Array.from(
    { length: levels },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array(14).fill(`*l${i}`).join(',')}]\n`,
  );
  return `l0: &l0 lol\n${lines.join('')}`;
}

const pod = (template: string): string =>
  `metadata: {name: a}\nspec:\n  schedule: "@daily"\n  executor: {kubernetes: {template: {x: ${template}, spec: {containers: [{name: a, image: b}]}}}}\n`;

describe('fuzz: manifests as apply reads them', () => {
  it('are documents, or errors that name the file, whatever they are', async () => {
    const mutator = new Mutator([...examples, ...small], { tokens });
    let good = 0;
    await fuzz(800, mutator, async input => {
      const began = cpuMs();
      if ((await read(input)) !== undefined) good++;
      assert.ok(cpuMs() - began < 2_000);
    });
    assert.ok(good > 0, 'none was right: the mutations are too wild to say anything');
  });

  it('that are deep, or large by their aliases, are refused in time', async () => {
    const began = cpuMs();
    for (const levels of [5, 7, 20]) {
      assert.equal(await read(laughs(levels)), undefined);
      assert.equal(await read(`- ${laughs(levels).replaceAll('\n', '\n  ')}`), undefined);
      assert.equal(await read(`metadata: {name: a}\n${laughs(levels)}spec: *l${levels}\n`), undefined);
      const anchors = `items: [${laughs(levels)
        .trim()
        .split('\n')
        .map(line => line.replace(/^\w+: /, ''))
        .join(', ')}]`;
      assert.equal(await read(anchors), undefined);
      assert.equal(
        await read(
          `metadata: {name: a, x: ${anchors.slice('items: '.length)}}\n${pod(`*l${levels}`).replace(/^.*\n/, '')}`,
        ),
        undefined,
      );
    }
    for (const depth of [90, 1_000, 100_000]) {
      assert.equal(await read(pod('['.repeat(depth) + ']'.repeat(depth))), undefined);
      assert.equal(await read('['.repeat(depth) + ']'.repeat(depth)), undefined);
      assert.equal(await read(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`), undefined);
    }
    assert.equal(await read('a: &a {b: *a}\n'), undefined);
    assert.ok(cpuMs() - began < 10_000, `${cpuMs() - began} ms`);
  });
});

describe('fuzz: the configuration file', () => {
  const corpus = [
    'http: {host: 127.0.0.1, port: 8080}\ndatabase:\n  url: postgresql://cronmesh:hunter2@db:5432/x\n  poolSize: 10\n',
    'consul: {address: "consul:8500", token: hunter2}\nworker: {labels: {zone: a}, executors: [shell, http]}\n',
    'notifications:\n  channels:\n    ops: {webhook: {url: "https://hooks.example.com/hunter2"}}\nnamespaces: {"*": {executors: [http]}}\n',
  ];

  it('is read, or refused in one short line', async () => {
    await fuzz(1_500, new Mutator(corpus, { tokens }), input => configure(input));
  });

  it('is refused in time when aliases make it large', () => {
    const began = cpuMs();
    configure(laughs(8));
    configure(`worker: {labels: {a: &l0 [1], b: &l1 [*l0, *l0]}}\n${laughs(8)}`);
    configure(`${laughs(8)}namespaces: *l8\n`);
    configure('['.repeat(100_000));
    assert.ok(cpuMs() - began < 5_000);
  });
});
