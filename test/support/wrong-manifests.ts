/** Who refuses a wrong manifest: the API server, with these words, or the operator in the condition Ready. */
export type Refusal =
  | { readonly by: 'api-server'; readonly says: RegExp }
  | { readonly by: 'operator'; readonly because: string };

export interface WrongManifest {
  readonly what: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly refusal: Refusal;
}

const shell = { shell: { command: 'date' } };
const http = { http: { url: 'http://shop.shop.svc/' } };

/** A manifest that is right, with the given fields of its spec and metadata put in. */
export function jobManifest(
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    apiVersion: 'cronmesh.io/v1alpha1',
    kind: 'CronJob',
    metadata: { name: 'wrong', ...metadata },
    spec: { schedule: '@daily', executor: shell, ...spec },
  };
}

const pod = (template: unknown, more: Record<string, unknown> = {}) => ({
  executor: { kubernetes: { template, ...more } },
});
const refs = (...secretRefs: unknown[]) => ({ secretRefs });
const key = { name: 'shop-db', key: 'password' };
const shellWith = (more: Record<string, unknown>) => jobManifest({ executor: { shell: { ...shell.shell, ...more } } });
const httpWith = (more: Record<string, unknown>) => jobManifest({ executor: { http: { ...http.http, ...more } } });
const schedule = (text: string) => jobManifest({ schedule: text });

const byServer: readonly (readonly [what: string, manifest: Record<string, unknown>, says: RegExp])[] = [
  ['a misspelled field', jobManifest({ shedule: '@daily' }), /unknown field "spec\.shedule"/],
  [
    'an unknown field deep inside',
    jobManifest({ executor: { shell: { command: 'a', shellName: 'root' } } }),
    /unknown field "spec\.executor\.shell\.shellName"/,
  ],
  ['no schedule', jobManifest({ schedule: undefined }), /spec\.schedule: Required value/],
  ['an empty schedule', schedule(''), /spec\.schedule .*at least 1 chars long/],
  ['a schedule of more than 1,024 characters', schedule(`${'1,'.repeat(600)}1 * * * *`), /Too long.*1024/],
  ['a schedule of 4 fields', schedule('0 0 * *'), /spec\.schedule: .*must have 5 fields/],
  ['a schedule of 8 fields', schedule('0 0 0 1 1 * 2030 *'), /spec\.schedule: .*must have 5 fields/],
  ['a zone is no field', schedule('TZ=UTC 0 0 * *'), /spec\.schedule: .*must have 5 fields/],
  ['@reboot', schedule('@reboot'), /spec\.schedule: .*@reboot has no meaning.*use @manually/],
  ['another macro', schedule('@dayly'), /spec\.schedule: .*is no macro; allowed are @yearly/],
  ['a macro with something behind it', schedule('@daily 3'), /spec\.schedule: .*takes nothing behind it/],
  ['@every without a duration', schedule('@every'), /spec\.schedule: .*@every needs a duration/],
  ['@every with a unit in words', schedule('@every 5 minutes'), /spec\.schedule: .*@every needs a duration/],
  ['@at without an offset', schedule('@at 2030-01-01T00:00:00'), /spec\.schedule: .*@at needs an instant/],
  ['a number for the schedule', jobManifest({ schedule: 5 }), /spec\.schedule .*must be of type string/],
  ['text for a number', jobManifest({ misfireLimit: '5' }), /spec\.misfireLimit .*must be of type integer/],
  ['a fraction', jobManifest({ misfireLimit: 1.5 }), /spec\.misfireLimit .*must be of type integer/],
  ['a retry without a limit', jobManifest({ retry: {} }), /spec\.retry\.limit: Required value/],
  ['too many attempts', jobManifest({ retry: { limit: 101 } }), /spec\.retry\.limit .*less than or equal to 100/],
  [
    'a retry after what is final',
    jobManifest({ retry: { limit: 1, on: { outcomes: ['Killed'] } } }),
    /"Killed": supported values: "Failed", "TimedOut", "Lost"/,
  ],
  [
    'what narrows Failed without it',
    jobManifest({ retry: { limit: 1, on: { outcomes: ['Lost'], exitCodes: [75] } } }),
    /spec\.retry\.on\.outcomes: .*must contain Failed, which exitCodes and httpStatuses narrow/,
  ],
  [
    'statuses of a command',
    jobManifest({ retry: { limit: 1, on: { httpStatuses: [429] } } }),
    /spec\.retry\.on\.httpStatuses: .*is allowed with the http executor only/,
  ],
  [
    'exit codes of a request',
    jobManifest({ executor: http, retry: { limit: 1, on: { exitCodes: [75] } } }),
    /spec\.retry\.on\.exitCodes: .*is not allowed with the http executor/,
  ],
  [
    'a calendar both excluded and required',
    jobManifest({ calendars: { exclude: ['a'], require: ['a'] } }),
    /spec\.calendars: .*must not name a calendar in both exclude and require/,
  ],
  ['a calendar that is no name', jobManifest({ calendars: { exclude: ['A B'] } }), /spec\.calendars\.exclude\[0\]/],
  ['a start without a zone', jobManifest({ startAt: '2026-12-01T00:00:00' }), /spec\.startAt .*should match/],
  [
    'an end before the start',
    jobManifest({ startAt: '2026-12-01T00:00:00Z', endAt: '2026-12-01T00:00:00+01:00' }),
    /must be after startAt/,
  ],
  [
    'a jitter of more than a day',
    jobManifest({ jitterSeconds: 86_401 }),
    /spec\.jitterSeconds .*less than or equal to 86400/,
  ],
  ['too small', jobManifest({ misfireLimit: 0 }), /spec\.misfireLimit .*greater than or equal to 1/],
  ['too large', jobManifest({ misfireLimit: 1_001 }), /spec\.misfireLimit .*less than or equal to 1000/],
  ['no time at all', jobManifest({ timeoutSeconds: 0 }), /spec\.timeoutSeconds: .*must be at least 0\.001/],
  ['another word', jobManifest({ concurrencyPolicy: 'forbid' }), /"forbid": supported values: "Allow", "Forbid"/],
  ['another policy', jobManifest({ dstPolicy: 'Quartz' }), /spec\.dstPolicy: .*supported values: "Vixie", "Literal"/],
  ['no executor', jobManifest({ executor: {} }), /spec\.executor: .*exactly one executor is needed/],
  [
    'two executors',
    jobManifest({ executor: { ...shell, ...http } }),
    /spec\.executor: .*exactly one executor is needed/,
  ],
  ['no executor field', jobManifest({ executor: undefined }), /spec\.executor: Required value/],
  [
    'a command and a script',
    jobManifest({ executor: { shell: { command: 'a', script: 'b' } } }),
    /"spec\.executor\.shell" must validate one and only one schema/,
  ],
  ['neither command nor script', jobManifest({ executor: { shell: {} } }), /spec\.executor\.shell\.command: Required/],
  ['an empty command', jobManifest({ executor: { shell: { command: '' } } }), /shell\.command .*at least 1 chars/],
  ['an empty list', jobManifest({ executor: { shell: { command: [] } } }), /shell\.command .*at least 1 items/],
  [
    'a relative folder',
    jobManifest({ executor: { shell: { command: 'a', workingDirectory: 'srv' } } }),
    /workingDirectory .*should match '\^\/\.\*'/,
  ],
  [
    'a wrong name of a variable',
    jobManifest({ executor: { shell: { command: 'a', env: { '1X': 'y' } } } }),
    /spec\.executor\.shell\.env: .*the name must be letters, digits and '_'/,
  ],
  [
    'another protocol',
    jobManifest({ executor: { http: { url: 'ftp://example.com' } } }),
    /spec\.executor\.http\.url: .*must be an http or https URL/,
  ],
  ['no URL', jobManifest({ executor: { http: {} } }), /spec\.executor\.http\.url: Required value/],
  [
    'a wrong name of a header',
    jobManifest({ executor: { http: { ...http.http, headers: { 'X Y': 'z' } } } }),
    /spec\.executor\.http\.headers: .*the name must be an HTTP header name/,
  ],
  [
    'a status that is none',
    jobManifest({ executor: { http: { ...http.http, expectedStatus: [700] } } }),
    /expectedStatus\[0\] .*less than or equal to 599/,
  ],
  [
    'a word for a status',
    jobManifest({ executor: { http: { ...http.http, expectedStatus: ['ok'] } } }),
    /expectedStatus\[0\] .*should match/,
  ],
  ['a pod without containers', jobManifest(pod({ spec: { containers: [] } })), /spec\.containers .*at least 1 items/],
  [
    'a container without an image',
    jobManifest(pod({ spec: { containers: [{ name: 'a' }] } })),
    /containers\[0\]\.image: Required value/,
  ],
  [
    'a pod that is always started again',
    jobManifest(pod({ spec: { restartPolicy: 'Always', containers: [{ name: 'a', image: 'b' }] } })),
    /restartPolicy: .*supported values: "Never", "OnFailure"/,
  ],
  [
    'a wrong label of the pod',
    jobManifest(pod({ metadata: { labels: { 'a b': 'c' } }, spec: { containers: [{ name: 'a', image: 'b' }] } })),
    /template\.metadata\.labels: .*the name must be a Kubernetes label key/,
  ],
  ['after nothing', jobManifest({ after: [] }), /spec\.after .*at least 1 items/],
  [
    'after one job twice',
    jobManifest({ after: [{ job: 'a' }, { job: 'a', outcome: 'Always' }] }),
    /spec\.after: .*must name each job once/,
  ],
  [
    'after an unknown end',
    jobManifest({ after: [{ job: 'a', on: 'Killed' }] }),
    /spec\.after\[0\]\.on: Unsupported value: "Killed"/,
  ],
  ['no runs at all', jobManifest({ maxRuns: 0 }), /spec\.maxRuns .*greater than or equal to 1/],
  [
    'a module and a command',
    jobManifest({ executor: { ...shell, module: { name: 'a' } } }),
    /spec\.executor: .*exactly one executor is needed/,
  ],
  ['a module without a name', jobManifest({ executor: { module: {} } }), /executor\.module\.name: Required value/],
  [
    'a wrong name of a module',
    jobManifest({ executor: { module: { name: 'send mail' } } }),
    /executor\.module\.name .*should match/,
  ],
  [
    'an unknown field of a module',
    jobManifest({ executor: { module: { name: 'a', inputs: {} } } }),
    /unknown field "spec\.executor\.module\.inputs"/,
  ],
  ['an executor without a name', jobManifest({ executor: { custom: {} } }), /executor\.custom\.name: Required value/],
  [
    'a long name of an executor',
    jobManifest({ executor: { custom: { name: 'n'.repeat(64) } } }),
    /executor\.custom\.name: .*Too long.*63|may not be (longer|more) than 63/,
  ],
  [
    'an unknown field of an executor',
    jobManifest({ executor: { custom: { name: 'sql', config: {} } } }),
    /unknown field "spec\.executor\.custom\.config"/,
  ],
  [
    'a maximum with Forbid',
    jobManifest({ concurrencyPolicy: 'Forbid', maxConcurrentRuns: 2 }),
    /spec\.maxConcurrentRuns: .*is allowed with concurrencyPolicy Allow only/,
  ],
  [
    'a queue with Replace',
    jobManifest({ concurrencyPolicy: 'Replace', maxQueuedRuns: 2 }),
    /spec\.maxQueuedRuns: .*is allowed with concurrencyPolicy Queue only/,
  ],
  [
    'a group without a policy',
    jobManifest({ concurrencyGroup: 'database' }),
    /spec\.concurrencyGroup: .*is allowed with concurrencyPolicy Forbid, Replace or Queue only/,
  ],
  [
    'a reference to nothing',
    jobManifest(refs({ name: 'A' })),
    /spec\.secretRefs\[0\]: .*exactly one of secretKeyRef, configMapKeyRef, environment and file/,
  ],
  [
    'a reference to two things',
    jobManifest(refs({ name: 'A', secretKeyRef: key, configMapKeyRef: key })),
    /spec\.secretRefs\[0\]: .*exactly one of secretKeyRef, configMapKeyRef, environment and file/,
  ],
  [
    "a name of the run's own",
    jobManifest(refs({ name: 'CRONMESH_RUN', secretKeyRef: key })),
    /spec\.secretRefs\[0\]\.name: .*must not begin with CRONMESH_/,
  ],
  [
    'references with a pod',
    jobManifest({
      ...pod({ spec: { containers: [{ name: 'a', image: 'b' }] } }),
      ...refs({ name: 'A', secretKeyRef: key }),
    }),
    /spec\.secretRefs: .*is not allowed with the kubernetes executor: use valueFrom/,
  ],
  ['a user that is no name', shellWith({ user: 'a b' }), /spec\.executor\.shell\.user .*should match/],
  ['a negative uid', shellWith({ user: -1 }), /spec\.executor\.shell\.user .*greater than or equal to 0/],
  ['no processor time', shellWith({ limits: { cpuSeconds: 0 } }), /limits\.cpuSeconds .*greater than or equal to 1/],
  [
    'too little memory',
    shellWith({ limits: { memoryBytes: 1 } }),
    /limits\.memoryBytes .*greater than or equal to 1\.048576e\+06|greater than or equal to 1048576/,
  ],
  ['too few files', shellWith({ limits: { openFiles: 2 } }), /limits\.openFiles .*greater than or equal to 3/],
  ['no processes', shellWith({ limits: { processes: 0 } }), /limits\.processes .*greater than or equal to 1/],
  [
    'less than an empty file',
    shellWith({ limits: { fileBytes: -1 } }),
    /limits\.fileBytes .*greater than or equal to 0/,
  ],
  ['an unknown limit', shellWith({ limits: { cpu: 1 } }), /unknown field "spec\.executor\.shell\.limits\.cpu"/],
  [
    'a name in a host',
    httpWith({ url: 'https://$(CRONMESH_JOB).example.com/' }),
    /spec\.executor\.http\.url: .*must not have \$\(NAME\) before its path/,
  ],
  ['a header of two lines', httpWith({ headers: { 'X-A': 'a\nb' } }), /headers\.X-A .*should match/],
  [
    'a body of which nothing is expected',
    httpWith({ expectedBody: {} }),
    /expectedBody: .*at least one of contains, matches and json is needed/,
  ],
  [
    'a pointer that is none',
    httpWith({ expectedBody: { json: { pointer: 'a', equals: 1 } } }),
    /json\.pointer .*should match/,
  ],
  [
    'a pointer to nothing that is expected',
    httpWith({ expectedBody: { json: { pointer: '/a' } } }),
    /json\.equals: Required value/,
  ],
  [
    'a callback in no time',
    httpWith({ asynchronous: { timeoutSeconds: 0 } }),
    /asynchronous\.timeoutSeconds: .*must be at least 0\.001/,
  ],
  [
    'a variable that is none',
    jobManifest(refs({ name: 'X', environment: { variable: 'A-B' } })),
    /environment\.variable .*should match/,
  ],
  ['a file above', jobManifest(refs({ name: 'X', file: { path: '../a' } })), /file\.path .*should match/],
  [
    'a wrong label of workers',
    jobManifest({ placement: { selector: { matchLabels: { zone: 'a b' } } } }),
    /matchLabels\.zone .*should match/,
  ],
  [
    'Shards without a number',
    jobManifest({ placement: { mode: 'Shards' } }),
    /spec\.placement\.shards: .*is needed with mode Shards/,
  ],
  [
    'a number of shards with All',
    jobManifest({ placement: { mode: 'All', shards: 3 } }),
    /spec\.placement\.shards: .*is allowed with mode Shards only/,
  ],
  [
    'a maximum with All',
    jobManifest({ placement: { mode: 'All' }, maxConcurrentRuns: 3 }),
    /spec\.maxConcurrentRuns: .*is allowed with placement mode One only/,
  ],
  [
    'In without values',
    jobManifest({ placement: { selector: { matchExpressions: [{ key: 'zone', operator: 'In' }] } } }),
    /matchExpressions\[0\]\.values: .*must have at least one value with In and NotIn/,
  ],
  [
    'Exists with values',
    jobManifest({
      placement: { selector: { matchExpressions: [{ key: 'zone', operator: 'Exists', values: ['a'] }] } },
    }),
    /matchExpressions\[0\]\.values: .*must be left out with Exists and DoesNotExist/,
  ],
  [
    'a name of more than 128 characters',
    jobManifest({}, { name: 'n'.repeat(129) }),
    /metadata\.name must have at most 128 characters/,
  ],
  ['a name in capitals', jobManifest({}, { name: 'Backup' }), /metadata\.name: .*lowercase RFC 1123 subdomain/],
  ['another kind', { ...jobManifest(), kind: 'Job' }, /no matches for kind "Job"/],
];

const byOperator: readonly (readonly [what: string, manifest: Record<string, unknown>, because: string])[] = [
  ['a minute out of range', schedule('61 * * * *'), 'the ranges of fields are the engine’s'],
  ['a reversed range', schedule('0 17-9 * * *'), 'so is the order in a range'],
  ['a step of 0', schedule('*/0 * * * *'), 'and a step'],
  ['a day that is none', schedule('0 0 * * FRY'), 'and the names of days'],
  ['@at on 30 February', schedule('@at 2030-02-30T00:00:00Z'), 'the calendar is the engine’s'],
  ['an unknown time zone', jobManifest({ timeZone: 'Mars/Base' }), 'the zones are those of the masters’ runtime'],
  [
    'a number for a command',
    jobManifest({ executor: { shell: { command: 5 } } }),
    'a structural schema has no union of a string and a list, so the field is untyped',
  ],
  ['a number in a command', jobManifest({ executor: { shell: { command: ['sleep', 5] } } }), 'for the same reason'],
  [
    'a URL without a host',
    jobManifest({ executor: { http: { url: 'http://' } } }),
    'the parser of URLs of the API server is not the workers’',
  ],
  [
    'a header of the connection',
    httpWith({ headers: { 'Content-Length': '3' } }),
    'the rule for it costs more than the API server allows',
  ],
  ["a header of the run's own", httpWith({ headers: { 'Cronmesh-Run': 'x' } }), 'for the same reason'],
  [
    'a pattern that is none',
    httpWith({ expectedBody: { matches: '(' } }),
    'the API server has another language of patterns than the workers',
  ],
  [
    'a NUL in a script',
    jobManifest({ executor: { shell: { script: 'a\0b' } } }),
    'checked for every text at once, where CEL would need a rule on each',
  ],
  [
    'an input of a module that is too large',
    jobManifest({ executor: { module: { name: 'a', input: ['x'.repeat(65_536)] } } }),
    'a value of any type is not shown to CEL',
  ],
  [
    'settings of an executor that are too large',
    jobManifest({ executor: { custom: { name: 'sql', with: 'x'.repeat(65_536) } } }),
    'for the same reason',
  ],
  [
    'a job too large for Consul',
    jobManifest({ executor: { shell: { script: 'x'.repeat(400_000) } } }),
    'the limit is on the whole, in bytes',
  ],
];

export const wrongManifests: readonly WrongManifest[] = [
  ...byServer.map(([what, manifest, says]) => ({ what, manifest, refusal: { by: 'api-server' as const, says } })),
  ...byOperator.map(([what, manifest, because]) => ({
    what,
    manifest,
    refusal: { by: 'operator' as const, because },
  })),
];
