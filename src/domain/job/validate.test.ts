import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maxValueBytes } from '../../coordination/coordinator.ts';
import { CronmeshError, type FieldProblem } from '../errors.ts';
import { jobSpec } from './spec.ts';
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

const expression = (one: Record<string, unknown>) => ({ placement: { selector: { matchExpressions: [one] } } });

const specFields = Object.keys(jobSpec.shape).join(', ');

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
    ['no mapping', 'x', ['(document) = "x": must be a mapping']],
    ['nothing in it', {}, ['metadata: is needed: a mapping', 'spec: is needed: a mapping']],
    [
      'a misspelled field',
      job({ shedule: '* * * * *' }),
      [`spec.shedule = "* * * * *": is not a known field; did you mean schedule? Allowed here: ${specFields}`],
    ],
    [
      'an unknown field deep inside',
      job({ executor: { shell: { command: 'a', shellName: 'root' } } }),
      [
        'spec.executor.shell.shellName = "root": is not a known field. Allowed here: command, script, interpreter, user, ' +
          'limits, env, workingDirectory, stdin, outputLimitBytes',
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
      ['spec.executor = {}: exactly one executor is needed: shell, http, kubernetes, module or custom'],
    ],
    [
      'a module and a command',
      job({ executor: { ...shell, module: { name: 'a' } } }),
      [
        'spec.executor = {"shell":{"command":"date"},"module":{"name":"a"}}: exactly one executor is needed: shell, http, kubernetes, module or custom',
      ],
    ],
    ['a module without a name', job({ executor: { module: {} } }), ['spec.executor.module.name: is needed: a string']],
    [
      'a wrong name of a module',
      job({ executor: { module: { name: 'send mail' } } }),
      [
        `spec.executor.module.name = "send mail": must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit`,
      ],
    ],
    [
      'a long name of a module',
      job({ executor: { module: { name: 'n'.repeat(64) } } }),
      [`spec.executor.module.name = "${'n'.repeat(64)}": must have at most 63 characters`],
    ],
    [
      'an unknown field of a module',
      job({ executor: { module: { name: 'a', inputs: {} } } }),
      ['spec.executor.module.inputs = {}: is not a known field; did you mean input? Allowed here: name, input'],
    ],
    [
      'an input that is too large',
      job({ executor: { module: { name: 'a', input: ['x'.repeat(65_536)] } } }),
      [`spec.executor.module.input = ["${'x'.repeat(197)}…: must be JSON of at most 65536 bytes`],
    ],
    [
      'an input that is no JSON',
      job({ executor: { module: { name: 'a', input: { rate: Number.NaN } } } }),
      ['spec.executor.module.input = {"rate":NaN}: must be JSON of at most 65536 bytes'],
    ],
    [
      'a NUL in an input',
      job({ executor: { module: { name: 'a', input: { b: ['c\0'] } } } }),
      ['spec.executor.module.input.b[0] = "c\\u0000": must be text without NUL or broken characters'],
    ],
    [
      'an executor without a name',
      job({ executor: { custom: {} } }),
      ['spec.executor.custom.name: is needed: a string'],
    ],
    [
      'a wrong name of an executor',
      job({ executor: { custom: { name: '-sql' } } }),
      [
        `spec.executor.custom.name = "-sql": must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit`,
      ],
    ],
    [
      'an unknown field of an executor',
      job({ executor: { custom: { name: 'sql', config: {} } } }),
      ['spec.executor.custom.config = {}: is not a known field. Allowed here: name, with'],
    ],
    [
      'settings that are no JSON',
      job({ executor: { custom: { name: 'sql', with: new Date(0) } } }),
      ['spec.executor.custom.with = {}: must be JSON of at most 65536 bytes'],
    ],
    [
      'statuses of a module',
      job({ executor: { module: { name: 'a' } }, retry: { limit: 1, on: { httpStatuses: [429] } } }),
      ['spec.retry.on.httpStatuses = [429]: is allowed with the http executor only'],
    ],
    ['after nothing', job({ after: [] }), ['spec.after = []: must not be empty']],
    [
      'after one job twice',
      job({ after: [{ job: 'a' }, { job: 'a', outcome: 'Always' }] }),
      ['spec.after = [{"job":"a"},{"job":"a","on":"Always"}]: must name each job once'],
    ],
    [
      'after an unknown end',
      job({ after: [{ job: 'a', on: 'Killed' }] }),
      ['spec.after[0].on = "Killed": must be one of "Success", "Failure", "Always"'],
    ],
    [
      'after a job of another namespace',
      job({ after: [{ job: 'shop/a' }] }),
      [
        "spec.after[0].job = \"shop/a\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
      ],
    ],
    ['no failures', job({ pauseAfterFailures: 0 }), ['spec.pauseAfterFailures = 0: must be at least 1']],
    ['too many failures', job({ pauseAfterFailures: 1_001 }), ['spec.pauseAfterFailures = 1001: must be at most 1000']],
    ['no runs at all', job({ maxRuns: 0 }), ['spec.maxRuns = 0: must be at least 1']],
    ['too many runs', job({ maxRuns: 1_000_001 }), ['spec.maxRuns = 1000001: must be at most 1000000']],
    [
      'a maximum with Forbid',
      job({ concurrencyPolicy: 'Forbid', maxConcurrentRuns: 2 }),
      ['spec.maxConcurrentRuns = 2: is allowed with concurrencyPolicy Allow only'],
    ],
    [
      'a user that is no name',
      job({ executor: { shell: { command: 'a', user: 'a b' } } }),
      [
        "spec.executor.shell.user = \"a b\": must be a user's name (letters, digits, '_', '.' and '-'), or a uid as a number",
      ],
    ],
    [
      'a uid in quotes',
      job({ executor: { shell: { command: 'a', user: '1000' } } }),
      [
        "spec.executor.shell.user = \"1000\": must be a user's name (letters, digits, '_', '.' and '-'), or a uid as a number",
      ],
    ],
    [
      'a negative uid',
      job({ executor: { shell: { command: 'a', user: -1 } } }),
      ['spec.executor.shell.user = -1: must be at least 0'],
    ],
    [
      'a user of another type',
      job({ executor: { shell: { command: 'a', user: true } } }),
      ['spec.executor.shell.user = true: must be a number or a string'],
    ],
    [
      'limits of nothing',
      job({
        executor: {
          shell: { command: 'a', limits: { cpuSeconds: 0, memoryBytes: 1, openFiles: 2, processes: 0, fileBytes: -1 } },
        },
      }),
      [
        'spec.executor.shell.limits.cpuSeconds = 0: must be at least 1',
        'spec.executor.shell.limits.memoryBytes = 1: must be at least 1048576',
        'spec.executor.shell.limits.openFiles = 2: must be at least 3',
        'spec.executor.shell.limits.processes = 0: must be at least 1',
        'spec.executor.shell.limits.fileBytes = -1: must be at least 0',
      ],
    ],
    [
      'a part of a file',
      job({ executor: { shell: { command: 'a', limits: { openFiles: 3.5 } } } }),
      ['spec.executor.shell.limits.openFiles = 3.5: must be a whole number'],
    ],
    [
      'too many files',
      job({ executor: { shell: { command: 'a', limits: { openFiles: 1_048_577 } } } }),
      ['spec.executor.shell.limits.openFiles = 1048577: must be at most 1048576'],
    ],
    [
      'a limit in words',
      job({ executor: { shell: { command: 'a', limits: { memoryBytes: '1Gi' } } } }),
      ['spec.executor.shell.limits.memoryBytes = "1Gi": must be a number'],
    ],
    [
      'an unknown limit',
      job({ executor: { shell: { command: 'a', limits: { cpu: 1 } } } }),
      [
        'spec.executor.shell.limits.cpu = 1: is not a known field. Allowed here: cpuSeconds, memoryBytes, openFiles, processes, fileBytes',
      ],
    ],
    [
      'a name in a host',
      job({ executor: { http: { url: 'https://$(CRONMESH_JOB).example.com/' } } }),
      [
        'spec.executor.http.url = "https://$(CRONMESH_JOB).example.com/": must not have $(NAME) before its path: names are replaced in path and query only',
      ],
    ],
    [
      'a name as a password',
      job({ executor: { http: { url: 'https://u:$(TOKEN)@example.com/' } } }),
      [
        'spec.executor.http.url = "https://u:$(TOKEN)@example.com/": must not have $(NAME) before its path: names are replaced in path and query only',
      ],
    ],
    [
      'a header of two lines',
      job({ executor: { http: { url: 'https://example.com', headers: { 'X-A': 'a\nb' } } } }),
      [
        'spec.executor.http.headers.X-A = "a\\nb": must be what a header can hold: no line breaks, no characters beyond U+00FF',
      ],
    ],
    [
      'a header of the connection',
      job({ executor: { http: { url: 'https://example.com', headers: { 'Content-Length': '3' } } } }),
      [
        'spec.executor.http.headers = {"Content-Length":"3"}: must not set connection, keep-alive, proxy-connection, transfer-encoding, content-length, upgrade, expect, te, trailer, traceparent or cronmesh-…, which the worker sets',
      ],
    ],
    [
      "a header of the run's own",
      job({ executor: { http: { url: 'https://example.com', headers: { 'cronmesh-run': 'x' } } } }),
      [
        'spec.executor.http.headers = {"cronmesh-run":"x"}: must not set connection, keep-alive, proxy-connection, transfer-encoding, content-length, upgrade, expect, te, trailer, traceparent or cronmesh-…, which the worker sets',
      ],
    ],
    [
      'a body of which nothing is expected',
      job({ executor: { http: { url: 'https://example.com', expectedBody: {} } } }),
      ['spec.executor.http.expectedBody = {}: at least one of contains, matches and json is needed'],
    ],
    [
      'nothing that is contained',
      job({ executor: { http: { url: 'https://example.com', expectedBody: { contains: '' } } } }),
      ['spec.executor.http.expectedBody.contains = "": must not be empty'],
    ],
    [
      'a pattern that is none',
      job({ executor: { http: { url: 'https://example.com', expectedBody: { matches: '(' } } } }),
      ['spec.executor.http.expectedBody.matches = "(": must be a regular expression of JavaScript (with the flag u)'],
    ],
    [
      'a pointer that is none',
      job({
        executor: { http: { url: 'https://example.com', expectedBody: { json: { pointer: 'status', equals: 1 } } } },
      }),
      ['spec.executor.http.expectedBody.json.pointer = "status": must be a JSON pointer (RFC 6901): "" or "/status/0"'],
    ],
    [
      'a pointer to nothing that is expected',
      job({ executor: { http: { url: 'https://example.com', expectedBody: { json: { pointer: '/a' } } } } }),
      ['spec.executor.http.expectedBody.json.equals: is needed: a value'],
    ],
    [
      'a callback in no time',
      job({ executor: { http: { url: 'https://example.com', asynchronous: { timeoutSeconds: 0 } } } }),
      ['spec.executor.http.asynchronous.timeoutSeconds = 0: must be at least 0.001'],
    ],
    [
      'an unknown field of asynchronous',
      job({ executor: { http: { url: 'https://example.com', asynchronous: { timeout: 1 } } } }),
      ['spec.executor.http.asynchronous.timeout = 1: is not a known field. Allowed here: timeoutSeconds'],
    ],
    [
      'asynchronous as a flag',
      job({ executor: { http: { url: 'https://example.com', asynchronous: true } } }),
      ['spec.executor.http.asynchronous = true: must be a mapping'],
    ],
    [
      'a reference to nothing',
      job({ secretRefs: [{ name: 'X' }] }),
      [
        'spec.secretRefs[0] = {"name":"X"}: exactly one of secretKeyRef, configMapKeyRef, environment and file is needed',
      ],
    ],
    [
      'a reference to two things',
      job({ secretRefs: [{ name: 'X', environment: { variable: 'A' }, file: { path: 'a' } }] }),
      [
        'spec.secretRefs[0] = {"name":"X","environment":{"variable":"A"},"file":{"path":"a"}}: exactly one of secretKeyRef, configMapKeyRef, environment and file is needed',
      ],
    ],
    [
      'a variable that is none',
      job({ secretRefs: [{ name: 'X', environment: { variable: 'A-B' } }] }),
      [
        'spec.secretRefs[0].environment.variable = "A-B": must be letters, digits and \'_\', not beginning with a digit',
      ],
    ],
    [
      'no variable',
      job({ secretRefs: [{ name: 'X', environment: {} }] }),
      ['spec.secretRefs[0].environment.variable: is needed: a string'],
    ],
    [
      'an absolute file',
      job({ secretRefs: [{ name: 'X', file: { path: '/etc/passwd' } }] }),
      [
        "spec.secretRefs[0].file.path = \"/etc/passwd\": must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them",
      ],
    ],
    [
      'a file above',
      job({ secretRefs: [{ name: 'X', file: { path: 'a/../../b' } }] }),
      [
        "spec.secretRefs[0].file.path = \"a/../../b\": must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them",
      ],
    ],
    [
      'a hidden file',
      job({ secretRefs: [{ name: 'X', file: { path: '.ssh/id' } }] }),
      [
        "spec.secretRefs[0].file.path = \".ssh/id\": must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them",
      ],
    ],
    [
      'a maximum with several runs',
      job({ maxConcurrentRuns: 2, placement: { mode: 'Shards', shards: 3 } }),
      ['spec.maxConcurrentRuns = 2: is allowed with placement mode One only'],
    ],
    [
      'another mode',
      job({ placement: { mode: 'Shard' } }),
      ['spec.placement.mode = "Shard": must be one of "One", "All", "Shards"; did you mean "Shards"?'],
    ],
    [
      'Shards without a number',
      job({ placement: { mode: 'Shards' } }),
      ['spec.placement.shards: is needed with mode Shards'],
    ],
    [
      'a number without Shards',
      job({ placement: { mode: 'All', shards: 3 } }),
      ['spec.placement.shards = 3: is allowed with mode Shards only'],
    ],
    [
      'a number and no mode',
      job({ placement: { shards: 3 } }),
      ['spec.placement.shards = 3: is allowed with mode Shards only'],
    ],
    ['one shard', job({ placement: { mode: 'Shards', shards: 1 } }), ['spec.placement.shards = 1: must be at least 2']],
    [
      'too many shards',
      job({ placement: { mode: 'Shards', shards: 101 } }),
      ['spec.placement.shards = 101: must be at most 100'],
    ],
    [
      'part of a shard',
      job({ placement: { mode: 'Shards', shards: 2.5 } }),
      ['spec.placement.shards = 2.5: must be a whole number'],
    ],
    [
      'an unknown field of a selector',
      job({ placement: { selector: { matchExpression: [] } } }),
      [
        'spec.placement.selector.matchExpression = []: is not a known field; did you mean matchExpressions? Allowed here: matchLabels, matchExpressions',
      ],
    ],
    [
      'another operator',
      job(expression({ key: 'zone', operator: 'Gt', values: ['1'] })),
      [
        'spec.placement.selector.matchExpressions[0].operator = "Gt": must be one of "In", "NotIn", "Exists", "DoesNotExist"',
      ],
    ],
    [
      'an expression without a key',
      job(expression({ operator: 'Exists' })),
      ['spec.placement.selector.matchExpressions[0].key: is needed: a string'],
    ],
    [
      'a key that is no label',
      job(expression({ key: 'a b', operator: 'Exists' })),
      [
        'spec.placement.selector.matchExpressions[0].key = "a b": must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters',
      ],
    ],
    ...['In', 'NotIn'].map((operator): [string, unknown, string[]] => [
      `${operator} without values`,
      job(expression({ key: 'zone', operator })),
      ['spec.placement.selector.matchExpressions[0].values: must have at least one value with In and NotIn'],
    ]),
    ...['Exists', 'DoesNotExist'].map((operator): [string, unknown, string[]] => [
      `${operator} with values`,
      job(expression({ key: 'zone', operator, values: ['a'] })),
      ['spec.placement.selector.matchExpressions[0].values = ["a"]: must be left out with Exists and DoesNotExist'],
    ]),
    [
      'a value that is none',
      job(expression({ key: 'zone', operator: 'In', values: ['a b'] })),
      [
        'spec.placement.selector.matchExpressions[0].values[0] = "a b": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."',
      ],
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

  it('is told: too many expressions', () => {
    const matchExpressions = Array(51).fill({ key: 'a', operator: 'Exists' });
    const [line = '', ...more] = lines(job({ placement: { selector: { matchExpressions } } }));
    assert.match(line, /^spec\.placement\.selector\.matchExpressions = .*: must have at most 50 items$/);
    assert.deepEqual(more, []);
  });

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
