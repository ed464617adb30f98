import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cronmesh, serveApi } from '../support/cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const head = 'metadata:\n  name: a\nspec:\n';
const rest = '  schedule: "@daily"\n  executor:\n    shell:\n      command: date\n';
const http = '  schedule: "@daily"\n  executor:\n    http:\n      url: https://example.com\n';

/** A file, and its lines of errors: line number, field and message, value. */
const files: readonly (readonly [what: string, yaml: string, says: readonly string[]])[] = [
  ['a text', 'date\n', ['1: a manifest is a mapping with metadata and spec (got "date")']],
  [
    'a name in capitals',
    `metadata:\n  name: Backup\nspec:\n${rest}`,
    [
      `2: metadata.name: must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit (got "Backup")`,
    ],
  ],
  [
    'a label that YAML reads as a number',
    `metadata:\n  name: a\n  labels:\n    team: 7\nspec:\n${rest}`,
    ['4: metadata.labels.team: must be a string; put it in quotes: "7" (got 7)'],
  ],
  ['another kind', `kind: Job\n${head}${rest}`, ['1: kind: must be "CronJob" (got "Job")']],
  ['no spec', 'metadata:\n  name: a\n', ['1: spec: is needed: a mapping']],
  [
    'a minute out of range',
    `${head}${rest.replace('@daily', '61 * * * *')}`,
    ['4: spec.schedule: minute: 61 is out of range (allowed: 0-59) (got "61 * * * *")'],
  ],
  [
    'an unknown zone',
    `${head}${rest}  timeZone: Mars/Base\n`,
    [
      '8: spec.timeZone: "Mars/Base" is no known time zone (allowed: IANA names such as Europe/Berlin or UTC, offsets such as +02:00) (got "Mars/Base")',
    ],
  ],
  ['.nan', `${head}${rest}  timeoutSeconds: .nan\n`, ['8: spec.timeoutSeconds: must be a finite number (got NaN)']],
  [
    '-.inf',
    `${head}${rest}  terminationGraceSeconds: -.inf\n`,
    ['8: spec.terminationGraceSeconds: must be a finite number (got -Infinity)'],
  ],
  ['yes', `${head}${rest}  suspend: yes\n`, ['8: spec.suspend: must be true or false (got "yes")']],
  [
    'an empty field',
    `${head}${rest}  dstPolicy:\n`,
    ['8: spec.dstPolicy: must be one of "Vixie", "Literal" (got null)'],
  ],
  [
    'a misspelled word',
    `${head}${rest}  misfirePolicy: RunLast\n`,
    ['8: spec.misfirePolicy: must be one of "Skip", "RunLatest", "RunAll"; did you mean "RunLatest"? (got "RunLast")'],
  ],
  [
    'a misspelled field deep inside',
    `${head}${rest}      comand: b\n`,
    [
      '8: spec.executor.shell.comand: is not a known field; did you mean command? Allowed here: command, script, interpreter, user, limits, env, workingDirectory, stdin, outputLimitBytes (got "b")',
    ],
  ],
  [
    'a number in a command',
    `${head}${rest.replace('date', '\n        - sleep\n        - 5')}`,
    ['9: spec.executor.shell.command[1]: must be a string; put it in quotes: "5" (got 5)'],
  ],
  [
    'what excludes another',
    `${head}${rest}      script: date\n`,
    ['6: spec.executor.shell: exactly one of command and script is needed (got {"command":"date","script":"date"})'],
  ],
  [
    'waits, two of them wrong',
    `${head}${rest}  retry:\n    limit: 1\n    backoff:\n      factor: 0\n      jitter: 2\n`,
    [
      '11: spec.retry.backoff.factor: must be at least 1 (got 0)',
      '12: spec.retry.backoff.jitter: must be at most 1 (got 2)',
    ],
  ],
  [
    'outcomes in a word',
    `${head}${rest}  retry:\n    limit: 1\n    "on":\n      outcomes: Failed\n`,
    ['11: spec.retry.on.outcomes: must be a list (got "Failed")'],
  ],
  [
    'a status in a flow',
    `${head}${http}      expectedStatus: [200, 700]\n`,
    ['8: spec.executor.http.expectedStatus[1]: must be at most 599 (got 700)'],
  ],
  [
    'a header of the connection',
    `${head}${http}      headers:\n        Content-Length: "3"\n`,
    [
      '8: spec.executor.http.headers: must not set connection, keep-alive, proxy-connection, transfer-encoding, content-length, upgrade, expect, te, trailer, traceparent or cronmesh-…, which the worker sets (got {"Content-Length":"3"})',
    ],
  ],
  [
    'a file above the folder of secrets',
    `${head}${rest}  secretRefs:\n    - name: A\n      file:\n        path: ../a\n`,
    [
      `11: spec.secretRefs[0].file.path: must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them (got "../a")`,
    ],
  ],
  [
    'a field that is missing',
    `${head}${rest}  notify:\n    - every: 2\n`,
    ['9: spec.notify[0].channel: is needed: a string'],
  ],
];

describe('a wrong file given to cronmesh apply', () => {
  let served: Awaited<ReturnType<typeof serveApi>>;
  before(async () => {
    served = await serveApi();
  });
  after(() => served.stop());

  it('there are enough of them', () => assert.ok(files.length >= 20));

  for (const [what, yaml, says] of files) {
    it(`ends with 2 and the line, and nothing is sent: ${what}`, async t => {
      const file = join(temporaryDirectory(t), 'a.yaml');
      writeFileSync(file, yaml);
      const { status, stdout, stderr } = await cronmesh(['apply', '-f', file], { server: served.url });
      const told = says.map(line => `${file}, line ${line}\n`);
      const [first = ''] = told;
      const expected =
        told.length === 1
          ? `cronmesh: ${first}`
          : `cronmesh: ${told.length} problems in the manifests:\n${told.map(line => `  ${line}`).join('')}`;
      assert.deepEqual([status, stdout, stderr], [2, '', expected]);
      assert.deepEqual((await served.api.store.listJobs({ limit: 1 })).items, []);
    });
  }
});
