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

const specFields =
  'schedule, timeZone, dstPolicy, calendars, startAt, endAt, jitterSeconds, suspend, startingDeadlineSeconds, concurrencyPolicy, maxConcurrentRuns, ' +
  'misfirePolicy, misfireLimit, timeoutSeconds, terminationGraceSeconds, retry, placement, executor, notify, history, secretRefs';

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

describe('a wrong manifest', () => {
  const cases: [what: string, input: unknown, expected: string[]][] = [
    [
      'an unknown list of calendars',
      job({ calendars: { excludes: ['a'] } }),
      ['spec.calendars.excludes = ["a"]: is not a known field; did you mean exclude? Allowed here: exclude, require'],
    ],
    ['calendars as a list', job({ calendars: ['a'] }), ['spec.calendars = ["a"]: must be a mapping']],
    [
      'a calendar without a name',
      job({ calendars: { exclude: [{ name: 'a' }] } }),
      ['spec.calendars.exclude[0] = {"name":"a"}: must be a string'],
    ],
    [
      'a calendar whose name is none',
      job({ calendars: { require: ['Bank Holidays'] } }),
      [
        "spec.calendars.require[0] = \"Bank Holidays\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
      ],
    ],
    [
      'too many calendars',
      job({ calendars: { exclude: Array.from({ length: 21 }, (_, i) => `c${i}`) } }),
      [
        `spec.calendars.exclude = ${JSON.stringify(Array.from({ length: 21 }, (_, i) => `c${i}`))}: must have at most 20 items`,
      ],
    ],
    [
      'a calendar both excluded and required',
      job({ calendars: { exclude: ['a', 'b'], require: ['b'] } }),
      ['spec.calendars = {"exclude":["a","b"],"require":["b"]}: must not name a calendar in both exclude and require'],
    ],
    [
      'a start without a zone',
      job({ startAt: '2026-12-01T00:00:00' }),
      ['spec.startAt = "2026-12-01T00:00:00": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z'],
    ],
    [
      'a start that is a date',
      job({ startAt: '2026-12-01' }),
      ['spec.startAt = "2026-12-01": must be an instant as RFC 3339, such as 2026-12-01T00:00:00Z'],
    ],
    [
      'an end on a day that there is not',
      job({ endAt: '2026-02-30T00:00:00Z' }),
      ['spec.endAt = "2026-02-30T00:00:00Z": must be a date and a time that there are'],
    ],
    [
      'an end as a number',
      job({ endAt: 1_795_370_400_000 }),
      ['spec.endAt = 1795370400000: must be a string; put it in quotes: "1795370400000"'],
    ],
    [
      'an end before the start',
      job({ startAt: '2026-12-01T00:00:00Z', endAt: '2026-12-01T00:00:00+01:00' }),
      ['spec.endAt = "2026-12-01T00:00:00+01:00": must be after startAt'],
    ],
    [
      'an end at the start',
      job({ startAt: '2026-12-01T00:00:00Z', endAt: '2026-12-01T01:00:00+01:00' }),
      ['spec.endAt = "2026-12-01T01:00:00+01:00": must be after startAt'],
    ],
    ['a jitter before the tick', job({ jitterSeconds: -1 }), ['spec.jitterSeconds = -1: must be at least 0']],
    [
      'a jitter of more than a day',
      job({ jitterSeconds: 86_401 }),
      ['spec.jitterSeconds = 86401: must be at most 86400'],
    ],
    ['a jitter of half a second', job({ jitterSeconds: 0.5 }), ['spec.jitterSeconds = 0.5: must be a whole number']],
    ['a jitter with a unit', job({ jitterSeconds: '5m' }), ['spec.jitterSeconds = "5m": must be a number']],
    ['no mapping', 'x', ['(document) = "x": must be a mapping']],
    ['nothing in it', {}, ['metadata: is needed: a mapping', 'spec: is needed: a mapping']],
    [
      'a misspelled field',
      job({ shedule: '* * * * *' }),
      [`spec.shedule = "* * * * *": is not a known field; did you mean schedule? Allowed here: ${specFields}`],
    ],
    [
      'an unknown field deep inside',
      job({ executor: { shell: { command: 'a', user: 'root' } } }),
      [
        'spec.executor.shell.user = "root": is not a known field. Allowed here: command, script, interpreter, env, ' +
          'workingDirectory, stdin, outputLimitBytes',
      ],
    ],
    ['a number for a string', job({ schedule: 5 }), ['spec.schedule = 5: must be a string; put it in quotes: "5"']],
    ['a string for a number', job({ misfireLimit: '5' }), ['spec.misfireLimit = "5": must be a number']],
    ['a fraction', job({ misfireLimit: 1.5 }), ['spec.misfireLimit = 1.5: must be a whole number']],
    ['too small', job({ misfireLimit: 0 }), ['spec.misfireLimit = 0: must be at least 1']],
    ['too large', job({ misfireLimit: 1_001 }), ['spec.misfireLimit = 1001: must be at most 1000']],
    ['empty', job({ schedule: '' }), ['spec.schedule = "": must not be empty']],
    [
      'another word',
      job({ concurrencyPolicy: 'forbid' }),
      ['spec.concurrencyPolicy = "forbid": must be one of "Allow", "Forbid"; did you mean "Forbid"?'],
    ],
    ['another kind', { ...job(), kind: 'Job' }, ['kind = "Job": must be "CronJob"']],
    [
      'a branch of a union',
      job({ executor: { http: { url: 'https://example.com', expectedStatus: [200, 700, 'ok'] } } }),
      [
        'spec.executor.http.expectedStatus[1] = 700: must be at most 599',
        'spec.executor.http.expectedStatus[2] = "ok": must be a status (204), a class (2xx) or a range (200-299)',
      ],
    ],
    [
      'no branch of a union',
      job({ executor: { shell: { command: { a: 1 } } } }),
      ['spec.executor.shell.command = {"a":1}: must be a string or a list'],
    ],
    ['a retry without a limit', job({ retry: {} }), ['spec.retry.limit: is needed: a number']],
    ['fewer attempts than none', job({ retry: { limit: -1 } }), ['spec.retry.limit = -1: must be at least 0']],
    ['too many attempts', job({ retry: { limit: 101 } }), ['spec.retry.limit = 101: must be at most 100']],
    ['part of an attempt', job({ retry: { limit: 1.5 } }), ['spec.retry.limit = 1.5: must be a whole number']],
    [
      'a misspelled field of a retry',
      job({ retry: { limit: 1, backof: {} } }),
      ['spec.retry.backof = {}: is not a known field; did you mean backoff? Allowed here: limit, backoff, on'],
    ],
    [
      'waits that are none',
      job({ retry: { limit: 1, backoff: { initialSeconds: -1, factor: 0.5, maximumSeconds: 604_801, jitter: 1.1 } } }),
      [
        'spec.retry.backoff.initialSeconds = -1: must be at least 0',
        'spec.retry.backoff.factor = 0.5: must be at least 1',
        'spec.retry.backoff.maximumSeconds = 604801: must be at most 604800',
        'spec.retry.backoff.jitter = 1.1: must be at most 1',
      ],
    ],
    [
      'a retry after what is final',
      job({ retry: { limit: 1, on: { outcomes: ['Killed'] } } }),
      ['spec.retry.on.outcomes[0] = "Killed": must be one of "Failed", "TimedOut", "Lost"'],
    ],
    [
      'a retry after nothing',
      job({ retry: { limit: 1, on: { outcomes: [] } } }),
      ['spec.retry.on.outcomes = []: must not be empty'],
    ],
    [
      'an exit code that no process has',
      job({ retry: { limit: 1, on: { exitCodes: [75, 256] } } }),
      ['spec.retry.on.exitCodes[1] = 256: must be at most 255'],
    ],
    [
      'what narrows Failed without it',
      job({ retry: { limit: 1, on: { outcomes: ['Lost'], exitCodes: [75] } } }),
      ['spec.retry.on.outcomes = ["Lost"]: must contain Failed, which exitCodes and httpStatuses narrow'],
    ],
    [
      'statuses of a command',
      job({ retry: { limit: 1, on: { httpStatuses: [429] } } }),
      ['spec.retry.on.httpStatuses = [429]: is allowed with the http executor only'],
    ],
    [
      'exit codes of a request',
      job({ executor: { http: { url: 'https://example.com' } }, retry: { limit: 1, on: { exitCodes: [75] } } }),
      ['spec.retry.on.exitCodes = [75]: is not allowed with the http executor, whose runs have no exit code'],
    ],
    [
      'a status that is none',
      job({ executor: { http: { url: 'https://example.com' } }, retry: { limit: 1, on: { httpStatuses: ['6xx'] } } }),
      ['spec.retry.on.httpStatuses[0] = "6xx": must be a status (204), a class (2xx) or a range (200-299)'],
    ],
    [
      'an item of a list',
      job({ executor: { shell: { command: ['a', null] } } }),
      ['spec.executor.shell.command[1] = null: must be a string'],
    ],
    [
      'another protocol',
      job({ executor: { http: { url: 'ftp://example.com' } } }),
      ['spec.executor.http.url = "ftp://example.com": must be an http or https URL'],
    ],
    [
      'both of what excludes another',
      job({ executor: { shell: { command: 'a', script: 'b' } } }),
      ['spec.executor.shell = {"command":"a","script":"b"}: exactly one of command and script is needed'],
    ],
    [
      'no executor',
      job({ executor: {} }),
      ['spec.executor = {}: exactly one executor is needed: shell, http or kubernetes'],
    ],
    [
      'a maximum with Forbid',
      job({ concurrencyPolicy: 'Forbid', maxConcurrentRuns: 2 }),
      ['spec.maxConcurrentRuns = 2: is allowed with concurrencyPolicy Allow only'],
    ],
    [
      'names with dots',
      job({}, { labels: { 'example.com/team': 'a b' } }),
      [
        'metadata.labels["example.com/team"] = "a b": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."',
      ],
    ],
    [
      'a wrong name of a variable',
      job({ executor: { shell: { command: 'a', env: { '1X': 'y' } } } }),
      ['spec.executor.shell.env["1X"] = "1X": the name must be letters, digits and \'_\', not beginning with a digit'],
    ],
    [
      'a name that JavaScript keeps for itself',
      job({ executor: { shell: { command: 'a', env: JSON.parse('{"__proto__":"x"}') } } }),
      ['spec.executor.shell.env.__proto__ = "x": cannot be used as a name'],
    ],
    [
      'a NUL',
      job({ executor: { shell: { command: ['a', 'b\0c'] } } }),
      ['spec.executor.shell.command[1] = "b\\u0000c": must be text without NUL or broken characters'],
    ],
  ];
  for (const [what, input, expected] of cases) {
    it(`is told: ${what}`, () => assert.deepEqual(lines(input), expected));
  }

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

describe('schedules and zones', () => {
  it('are judged by the engine, in its words', () => {
    const [problem] = problems(job({ schedule: '61 * * * *' }));
    assert.equal(problem?.field, 'spec.schedule');
    assert.equal(problem?.value, '"61 * * * *"');
    assert.match(problem?.message ?? '', /^minute: .*0.*59/);
  });

  it('zones on their own', () => {
    const [problem, ...more] = problems(job({ timeZone: 'Mars/Base' }));
    assert.deepEqual([problem?.field, problem?.value, more], ['spec.timeZone', '"Mars/Base"', []]);
    assert.match(problem?.message ?? '', /Mars\/Base/);
  });

  it('what has no meaning in a cluster says what to use', () => {
    const [problem] = problems(job({ schedule: '@reboot' }));
    assert.equal(problem?.field, 'spec.schedule');
    assert.match(problem?.message ?? '', /@reboot/);
  });
});

describe('what is too large', () => {
  it('is told its size and the limit', () => {
    const [problem] = problems(job({ executor: { shell: { script: 'x'.repeat(maxJobBytes) } } }));
    assert.equal(problem?.field, 'spec');
    assert.match(
      problem?.message ?? '',
      /is too large: about 36\d{4} bytes as JSON, and at most 368640 fit into Consul/,
    );
  });

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
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`field${i}`, 'v'.repeat(1_000)]));
    const found = problems({ ...job(), ...many });
    assert.equal(found.length, 50);
    assert.ok(found.every(problem => (problem.value?.length ?? 0) <= 200));
  });
});
