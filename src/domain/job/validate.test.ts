import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maxValueBytes } from '../../coordination/coordinator.ts';
import { CronmeshError, type FieldProblem } from '../errors.ts';
import { maxJobBytes, type ValidateOptions, validateManifest } from './validate.ts';

const shell = { shell: { command: 'date' } };

function job(spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): Record<string, unknown> {
  return { metadata: { name: 'a', ...metadata }, spec: { schedule: '@daily', executor: shell, ...spec } };
}

function problems(input: unknown, options?: ValidateOptions): readonly FieldProblem[] {
  try {
    validateManifest(input, options);
  } catch (error) {
    assert.ok(error instanceof CronmeshError);
    assert.equal(error.code, 'InvalidInput');
    return error.problems;
  }
  return [];
}

/** Each problem as `field = value: message`. */
const lines = (input: unknown, options?: ValidateOptions): string[] =>
  problems(input, options).map(
    ({ field, value, message }) => `${field}${value === undefined ? '' : ` = ${value}`}: ${message}`,
  );

describe('a right manifest', () => {
  it('gets every default and a namespace', () => {
    const valid = validateManifest(job());
    assert.equal(valid.metadata.namespace, 'default');
    assert.equal(valid.spec.concurrencyPolicy, 'Allow');
    assert.equal(valid.spec.executor.shell?.interpreter, '/bin/sh');
  });

  it('takes namespace and name from the address', () => {
    const valid = validateManifest({ spec: job().spec }, { expect: { namespace: 'shop', name: 'b' } });
    assert.deepEqual([valid.metadata.namespace, valid.metadata.name], ['shop', 'b']);
  });

  it('takes the default zone only where none is named', () => {
    const zone = (spec: Record<string, unknown>) =>
      validateManifest(job(spec), { defaultTimeZone: 'Europe/Berlin' }).spec.timeZone;
    assert.equal(zone({}), 'Europe/Berlin');
    assert.equal(zone({ timeZone: 'Asia/Tokyo' }), 'Asia/Tokyo');
    assert.equal(zone({ schedule: 'CRON_TZ=Asia/Tokyo 0 3 * * *' }), undefined);
  });
});

// What is said of each field: test/bad-input.
describe('a wrong manifest', () => {
  it('is told everything at once', () => {
    const found = problems({ metadata: { name: 'A' }, spec: { schedule: 1, timeZone: 'Mars/Base', executor: shell } });
    assert.deepEqual(
      found.map(problem => problem.field),
      ['metadata.name', 'spec.schedule', 'spec.timeZone'],
    );
  });

  it('must agree with its address', () => {
    assert.deepEqual(lines(job({}, { namespace: 'x' }), { expect: { namespace: 'shop', name: 'b' } }), [
      'metadata.namespace = "x": must be "shop", as in the address, or be left out',
      'metadata.name = "a": must be "b", as in the address, or be left out',
    ]);
  });

  it('may not get a wrong name from its address', () => {
    const [problem] = problems(job(), { expect: { namespace: 'No_Namespace' } });
    assert.equal(problem?.field, 'metadata.namespace');
  });
});

describe('what is too large', () => {
  it('is counted in bytes, not in characters', () => {
    assert.equal(problems(job({ executor: { shell: { script: '€'.repeat(maxJobBytes / 3) } } })).length, 1);
    assert.equal(problems(job({ executor: { shell: { script: '€'.repeat(maxJobBytes / 4) } } })).length, 0);
  });

  it('is found before it is written out, however often an alias repeats it', () => {
    const long = 'x'.repeat(100_000);
    const command = Array.from({ length: 100_000 }, () => long);
    assert.equal(problems(job({ executor: { shell: { command } } })).length, 1);
  });

  it('leaves room for its feed entry in one transaction, as base64', () => {
    const ring = 64 * 260;
    assert.ok(((maxJobBytes + 1_024 + ring) / 3) * 4 + 2_048 < maxValueBytes);
  });

  it('does not make the answer large: values are cut, and unknown fields counted out', () => {
    const many = Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`field${i}`, 'v'.repeat(1_000)]));
    const found = problems({ ...job(), ...many });
    assert.equal(found.length, 50);
    assert.ok(found.every(problem => (problem.value?.length ?? 0) <= 200));
  });
});
