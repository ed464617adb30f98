import { isMapping, parse } from '../manifests/parse.ts';
import {
  Conversion,
  type Converted,
  type ConvertOptions,
  type Fields,
  manifestOf,
  NotConvertible,
  noTimeoutSeconds,
  type Spec,
  type Tell,
  tellUnknown,
} from './converted.ts';

/** Of metadata: what the API server and kubectl put there. */
const notOurs = /^(kubectl\.kubernetes\.io\/|deprecated\.daemonset)/;
const [leastTtl, mostTtl] = [60, 2_592_000];
const mostBackoffs = 10;

/**
 * Turns CronJob resources of batch/v1 (YAML, JSON, lists of them) into jobs with the kubernetes executor that do the
 * same. Resources of other kinds are left out.
 */
export function convertKubernetes(content: string, name: string, options: ConvertOptions = {}): Converted {
  const conversion = new Conversion();
  for (const { value } of parse(content, name)) {
    if (!isMapping(value)) continue;
    const metadata = mapping(value.metadata);
    const job = `${metadata.namespace ?? 'default'}/${metadata.name ?? 'unnamed'}`;
    if (value.kind !== 'CronJob' || !/^batch\/v1(beta1)?$/.test(String(value.apiVersion))) {
      conversion.tell(job, `is left out: ${value.apiVersion} ${value.kind} is no CronJob of batch/v1`);
      continue;
    }
    conversion.add(job, tell => {
      const namespace = options.namespace ?? textual(metadata.namespace);
      const annotations = Object.entries(mapping(metadata.annotations)).filter(([key]) => !notOurs.test(key));
      return manifestOf(
        {
          name: String(metadata.name ?? ''),
          namespace,
          // As they are: what is no text is refused with its name.
          labels: mapping(metadata.labels) as Record<string, string>,
          annotations: Object.fromEntries(annotations) as Record<string, string>,
        },
        specOf(mapping(value.spec), options, tell),
      );
    });
  }
  return conversion.result;
}

function specOf(spec: Fields, options: ConvertOptions, tell: Tell): Spec {
  const { schedule, timeZone = options.defaultTimeZone, suspend, concurrencyPolicy } = spec;
  const { startingDeadlineSeconds, successfulJobsHistoryLimit: succeeded, failedJobsHistoryLimit: failed } = spec;
  const known = ['schedule', 'timeZone', 'suspend', 'concurrencyPolicy', 'startingDeadlineSeconds', 'jobTemplate'];
  tellUnknown(spec, new Set([...known, 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit']), tell, 'spec.');
  const template = mapping(spec.jobTemplate);
  const job = mapping(template.spec);
  const kept =
    succeeded === undefined && failed === undefined ? undefined : Number(succeeded ?? 3) + Number(failed ?? 1);
  if (kept !== undefined) {
    tell(
      `successfulJobsHistoryLimit and failedJobsHistoryLimit become history.runs: ${Math.max(1, kept)}, of both together`,
    );
  }
  if (Object.keys(mapping(template.metadata)).length > 0) {
    tell("jobTemplate.metadata is not carried over: Jobs have the executor's own labels; those of the pod stay");
  }
  return {
    schedule: String(schedule ?? ''),
    ...(textual(timeZone) !== undefined && { timeZone: String(timeZone) }),
    // As its controller does: times in the gap are skipped, repeated ones run twice, the latest missed one is made up for.
    dstPolicy: 'Literal',
    misfirePolicy: 'RunLatest',
    startingDeadlineSeconds: Math.max(1, Number(startingDeadlineSeconds ?? noTimeoutSeconds)),
    ...(suspend === true && { suspend: true }),
    ...(concurrencyPolicy !== undefined && { concurrencyPolicy: concurrencyPolicy as 'Allow' }),
    timeoutSeconds: Math.min(noTimeoutSeconds, Number(job.activeDeadlineSeconds ?? noTimeoutSeconds)),
    ...(kept !== undefined && { history: { runs: Math.max(1, kept) } }),
    executor: { kubernetes: executorOf(job, tell) },
  };
}

type Kubernetes = NonNullable<Spec['executor']['kubernetes']>;

function executorOf(job: Fields, tell: Tell): Kubernetes {
  const { template, backoffLimit = 6, ttlSecondsAfterFinished: ttl, completions = 1, parallelism = 1 } = job;
  if (completions !== 1 || parallelism !== 1) {
    throw new NotConvertible(
      `completions ${completions} and parallelism ${parallelism}: a run is one pod here; for several, write a job with placement: { mode: Shards, shards: ${Math.max(Number(completions), Number(parallelism))} }`,
    );
  }
  const known = ['template', 'backoffLimit', 'ttlSecondsAfterFinished', 'completions', 'parallelism'];
  const ignored = { activeDeadlineSeconds: true, completionMode: job.completionMode === 'NonIndexed' };
  const looked = Object.entries(ignored).filter(([, done]) => done);
  tellUnknown(job, new Set([...known, ...looked.map(([name]) => name)]), tell, 'jobTemplate.spec.');
  const tries = Math.min(mostBackoffs, Number(backoffLimit));
  if (tries !== Number(backoffLimit)) tell(`backoffLimit ${backoffLimit} becomes ${tries}, the most that there is`);
  const stays = ttl === undefined ? undefined : Math.min(mostTtl, Math.max(leastTtl, Number(ttl)));
  if (stays !== undefined && stays !== Number(ttl)) {
    tell(`ttlSecondsAfterFinished ${ttl} becomes ${stays}: ${leastTtl} to ${mostTtl} are allowed`);
  }
  return {
    template: template as Kubernetes['template'],
    backoffLimit: tries,
    ...(stays !== undefined && { ttlSecondsAfterFinished: stays }),
  };
}

function mapping(value: unknown): Fields {
  return isMapping(value) ? value : {};
}

function textual(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
