import { descriptionAnnotation, withoutRandom } from '../crontab/import.ts';
import { isMapping, parse } from '../manifests/parse.ts';
import {
  Conversion,
  type Converted,
  type ConvertOptions,
  type Executor,
  type Fields,
  isNothing,
  jobNameOf,
  manifestOf,
  NotConvertible,
  noTimeoutSeconds,
  type Spec,
  type Tell,
  tellUnknown,
  textOf,
} from './converted.ts';

/** Fields that are carried over, and those that tell of runs or are made by Dkron. */
const known = new Set([
  ...['id', 'name', 'displayname', 'schedule', 'timezone', 'disabled', 'tags', 'retries', 'concurrency', 'executor'],
  ...['executor_config', 'parent_job', 'dependent_jobs', 'metadata', 'owner', 'owner_email', 'next', 'status'],
  ...['success_count', 'error_count', 'last_success', 'last_error'],
]);

/** Turns what Dkron's `GET /v1/jobs` answers into jobs. */
export function convertDkron(content: string, name: string, options: ConvertOptions = {}): Converted {
  const conversion = new Conversion();
  const jobs = parse(content, name)
    .map(({ value }) => value)
    .filter(isMapping);
  const names = new Map(jobs.map(job => [String(job.name), conversion.nameFor(String(job.name))]));
  for (const job of jobs) {
    conversion.add(String(job.name), tell => {
      const called = names.get(String(job.name)) ?? '';
      if (called !== job.name) tell(`is called ${called} here`);
      tellUnknown(job, known, tell);
      return manifestOf(
        { name: called, namespace: options.namespace, annotations: annotationsOf(job) },
        specOf(job, jobs, names, options, tell),
      );
    });
  }
  return conversion.result;
}

function annotationsOf({ displayname, owner, owner_email, metadata }: Fields): Record<string, string> {
  const found = { [descriptionAnnotation]: displayname, owner, 'owner-email': owner_email };
  const more = isMapping(metadata) ? metadata : {};
  return Object.fromEntries(
    Object.entries({ ...more, ...found }).flatMap(([key, value]) => {
      const text = textOf(value);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

function specOf(
  job: Fields,
  jobs: readonly Fields[],
  names: ReadonlyMap<string, string>,
  options: ConvertOptions,
  tell: Tell,
): Spec {
  const given = textOf(job.schedule) ?? '@manually';
  const schedule = withoutRandom(given);
  if (schedule !== given) tell(`the ~ in ${given} becomes H: another time, which the job's name decides`);
  if (/^@every/.test(schedule)) tell('@every counts from the moment at which the job is made here');
  const timeZone = textOf(job.timezone) ?? options.defaultTimeZone;
  const parents = parentsOf(job, jobs);
  const retries = Number(job.retries ?? 0);
  const { executor, timeoutSeconds } = executorOf(job, tell);
  const placement = placementOf(isMapping(job.tags) ? job.tags : {}, tell);
  return {
    schedule,
    ...(timeZone !== undefined && { timeZone }),
    // Its engine knows the wall clock alone.
    dstPolicy: 'Literal',
    ...(job.disabled === true && { suspend: true }),
    ...(job.concurrency === 'forbid' && { concurrencyPolicy: 'Forbid' as const }),
    ...(retries > 0 && {
      retry: {
        limit: Math.min(100, retries),
        backoff: { initialSeconds: 0 },
        on: { outcomes: ['Failed' as const, 'TimedOut' as const] },
      },
    }),
    timeoutSeconds: timeoutSeconds ?? noTimeoutSeconds,
    ...(parents.length > 0 && {
      after: parents.map(parent => ({ job: names.get(parent) ?? jobNameOf(parent), outcome: 'Success' as const })),
    }),
    ...(placement !== undefined && { placement }),
    executor,
  };
}

/** Both sides tell of a chain, and either may. */
function parentsOf(job: Fields, jobs: readonly Fields[]): string[] {
  const named = jobs.filter(one => Array.isArray(one.dependent_jobs) && one.dependent_jobs.includes(job.name));
  return [...new Set([textOf(job.parent_job), ...named.map(one => String(one.name))])].filter(
    parent => parent !== undefined,
  );
}

/** Without a count a job runs on all nodes that have its tags; of several counts the smallest holds. */
function placementOf(tags: Fields, tell: Tell): Spec['placement'] {
  const parts = Object.entries(tags).map(([key, value]) => [key, ...String(value).split(':')] as const);
  const counts = parts.flatMap(([, , count]) => (count === undefined ? [] : [Number(count)]));
  const matchLabels = Object.fromEntries(parts.map(([key, value = '']) => [key, value]));
  const selector = parts.length > 0 ? { selector: { matchLabels } } : {};
  if (counts.length === 0) {
    tell(
      parts.length === 0
        ? 'no tags: it runs on every worker at once (placement.mode All); take placement out where one is meant'
        : 'tags without a count: it runs on every worker with these labels (placement.mode All)',
    );
    return { ...selector, mode: 'All' };
  }
  const count = Math.min(...counts);
  if (!(count >= 1)) throw new NotConvertible(`tags ${JSON.stringify(tags)} ask for no node`);
  if (count === 1) return parts.length > 0 ? selector : undefined;
  tell(`on ${count} nodes becomes ${count} shards: as many runs, perhaps on one worker`);
  return { ...selector, mode: 'Shards', shards: count };
}

function executorOf(job: Fields, tell: Tell): { readonly executor: Executor; readonly timeoutSeconds?: number } {
  const config = isMapping(job.executor_config) ? job.executor_config : {};
  switch (job.executor) {
    case 'shell':
      return shellOf(config, tell);
    case 'http':
      return httpOf(config, tell);
    default:
      throw new NotConvertible(
        `there is no executor ${JSON.stringify(job.executor)} here: shell and http are converted`,
      );
  }
}

function shellOf(config: Fields, tell: Tell): ReturnType<typeof executorOf> {
  tellUnknown(config, new Set(['shell', 'command', 'env', 'cwd', 'timeout']), tell, 'executor_config.');
  const command = String(config.command ?? '');
  const env = Object.fromEntries(
    (textOf(config.env) ?? '').split(',').flatMap(pair => {
      const [name = '', ...value] = pair.split('=');
      return name.trim() === '' ? [] : [[name.trim(), value.join('=')]];
    }),
  );
  const shell = String(config.shell) === 'true';
  const timeoutSeconds = secondsOf(textOf(config.timeout));
  return {
    executor: {
      shell: {
        command: shell ? command : wordsOf(command),
        ...(Object.keys(env).length > 0 && { env }),
        ...(textOf(config.cwd) !== undefined && { workingDirectory: String(config.cwd) }),
      },
    },
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  };
}

function httpOf(config: Fields, tell: Tell): ReturnType<typeof executorOf> {
  const fields = ['method', 'url', 'headers', 'body', 'timeout', 'expectCode', 'expectBody', 'debug'];
  tellUnknown(config, new Set(fields), tell, 'executor_config.');
  const codes = textOf(config.expectCode)
    ?.split(',')
    .map(code => Number(code.trim()));
  const expected = textOf(config.expectBody);
  const pattern = /^\/(.*)\/$/s.exec(expected ?? '')?.[1];
  const headers = headersOf(textOf(config.headers));
  if (pattern !== undefined) tell('expectBody is a regular expression of Go there and of JavaScript here: look at it');
  return {
    executor: {
      http: {
        url: String(config.url ?? ''),
        method: (textOf(config.method) ?? 'GET').toUpperCase() as 'GET',
        ...(Object.keys(headers).length > 0 && { headers }),
        ...(textOf(config.body) !== undefined && { body: String(config.body) }),
        ...(codes !== undefined && { expectedStatus: codes }),
        ...(expected !== undefined && {
          expectedBody: pattern === undefined ? { contains: expected } : { matches: pattern },
        }),
      },
    },
    timeoutSeconds: Number(textOf(config.timeout) ?? 30),
  };
}

function headersOf(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const lines: unknown = JSON.parse(text);
  if (!Array.isArray(lines)) throw new NotConvertible(`executor_config.headers is no list: ${text.slice(0, 100)}`);
  return Object.fromEntries(
    lines.map(line => {
      const [name = '', ...value] = String(line).split(':');
      return [name.trim(), value.join(':').trim()];
    }),
  );
}

/** A command that runs without a shell, as its words: quotes hold words together. */
function wordsOf(command: string): string[] {
  const words = command.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  return words.map(word => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

/** Go's durations: `1h30m`. */
function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined || isNothing(text)) return undefined;
  const units: Readonly<Record<string, number>> = { h: 3_600, m: 60, s: 1, ms: 0.001 };
  const parts = [...text.matchAll(/([\d.]+)(ms|h|m|s)/g)];
  if (parts.map(([whole]) => whole).join('') !== text) {
    throw new NotConvertible(`${JSON.stringify(text)} is no duration such as 1h30m`);
  }
  return parts.reduce((sum, [, value, unit = 's']) => sum + Number(value) * (units[unit] ?? 1), 0);
}
