import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobSpec } from '../job/spec.ts';
import { eligibilityClass, isEligible, type JobNeeds, type WorkerTraits } from './eligibility.ts';

type Expression = readonly [key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: string[]];

const worker = (labels: WorkerTraits['labels']): WorkerTraits => ({ labels, executors: ['shell'], kubernetes: false });

function job(expressions: readonly Expression[], matchLabels: Record<string, string> = {}, more = {}): JobNeeds {
  const matchExpressions = expressions.map(([key, operator, ...values]) => ({ key, operator, values }));
  const placement = { selector: { matchLabels, matchExpressions } };
  return jobSpec.parse({ schedule: '@daily', executor: { shell: { command: 'date' } }, placement, ...more });
}

describe('a selector', () => {
  const bare = {};
  const north = { zone: 'north' };
  const empty = { zone: '' };
  const table: readonly (readonly [Expression, WorkerTraits['labels'], boolean])[] = [
    [['zone', 'In', 'north'], north, true],
    [['zone', 'In', 'south', 'north'], north, true],
    [['zone', 'In', 'south'], north, false],
    [['zone', 'In', 'north'], bare, false],
    [['zone', 'In', ''], empty, true],
    [['zone', 'In', ''], bare, false],
    [['zone', 'NotIn', 'north'], north, false],
    [['zone', 'NotIn', 'south'], north, true],
    [['zone', 'NotIn', 'south', 'north'], north, false],
    [['zone', 'NotIn', 'north'], bare, true],
    [['zone', 'NotIn', ''], empty, false],
    [['zone', 'Exists'], north, true],
    [['zone', 'Exists'], empty, true],
    [['zone', 'Exists'], bare, false],
    [['zone', 'DoesNotExist'], north, false],
    [['zone', 'DoesNotExist'], empty, false],
    [['zone', 'DoesNotExist'], bare, true],
    [['constructor', 'Exists'], bare, false],
    [['constructor', 'DoesNotExist'], bare, true],
  ];
  for (const [expression, labels, expected] of table) {
    it(`${expression.join(' ')} ${expected ? 'takes' : 'leaves'} ${JSON.stringify(labels)}`, () => {
      assert.equal(isEligible(worker(labels), job([expression])), expected);
    });
  }

  it('asks for all of it: labels and expressions', () => {
    const wanted = job(
      [
        ['zone', 'In', 'north', 'east'],
        ['old', 'DoesNotExist'],
      ],
      { disk: 'ssd' },
    );
    assert.ok(isEligible(worker({ zone: 'east', disk: 'ssd' }), wanted));
    assert.ok(!isEligible(worker({ zone: 'east' }), wanted));
    assert.ok(!isEligible(worker({ zone: 'south', disk: 'ssd' }), wanted));
    assert.ok(!isEligible(worker({ zone: 'east', disk: 'ssd', old: '' }), wanted));
  });

  it('is one class for jobs that mean the same workers, and another for others', () => {
    const of = (...given: Parameters<typeof job>) => eligibilityClass(job(...given));
    assert.equal(
      of([
        ['zone', 'In', 'a', 'b'],
        ['old', 'Exists'],
      ]),
      of([
        ['old', 'Exists'],
        ['zone', 'In', 'b', 'a'],
      ]),
    );
    const classes = [
      of([]),
      of([['zone', 'In', 'a']]),
      of([['zone', 'NotIn', 'a']]),
      of([['zone', 'Exists']]),
      of([['zone', 'DoesNotExist']]),
      of([], { zone: 'a' }),
      of([['zone', 'In', 'a', 'b']]),
    ];
    assert.equal(new Set(classes).size, classes.length);
  });

  it('of a job with secrets asks for the Kubernetes API too', () => {
    const secretRefs = [{ name: 'A', secretKeyRef: { name: 's', key: 'k' } }];
    assert.ok(!isEligible(worker({}), job([], {}, { secretRefs })));
    assert.ok(isEligible({ ...worker({}), kubernetes: true }, job([], {}, { secretRefs })));
  });
});
