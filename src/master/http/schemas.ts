import { z } from '@hono/zod-openapi';
import { calendarManifest, calendarSpec } from '../../domain/calendar/spec.ts';
import { PauseReason } from '../../domain/job/pause.ts';
import { executorKinds, jobSpec, manifest } from '../../domain/job/spec.ts';
import { backfillRequest } from '../../domain/run/backfill-request.ts';
import { runRequest } from '../../domain/run/request.ts';
import { RunState, SkipReason, TriggerKind } from '../../domain/run/run.ts';
import { WhyOutcome } from '../../domain/run/why.ts';
import { BackfillOrder, BackfillState } from '../../store/backfill.ts';
import { withoutNul } from './query.ts';

/** The shapes of the answers: types and the OpenAPI document come from them. */

const instant = z.string().openapi({ format: 'date-time', example: '2026-11-23T06:00:00Z' });
const values = <T extends string>(object: Readonly<Record<string, T>>): [T, ...T[]] =>
  Object.values(object) as [T, ...T[]];

/** What databases and terminals can take. */
const plainText = (most: number) =>
  z
    .string()
    .max(most)
    .refine(text => text.isWellFormed() && !text.includes('\0'), 'must be text without NUL or broken characters');

// A clone, because the domain's schemas may have been made before they could be named for the document.
const spec = jobSpec.clone().openapi('JobSpec');
const runState = z.enum(values(RunState)).openapi('RunState');
const skipReason = z.enum(values(SkipReason)).openapi('SkipReason');

/** What is sent. */
export const manifestSchema = z.strictObject({ ...manifest.shape, spec }).openapi('Manifest', {
  description: 'A job as users write it. What the answers add is ignored when it is sent back.',
});

export const runSchema = z
  .object({
    id: z.string(),
    namespace: z.string(),
    name: z.string().openapi({ description: 'The job’s name.' }),
    jobUid: z.string(),
    trigger: z.enum(values(TriggerKind)),
    tick: instant
      .optional()
      .openapi({ description: 'The instant that the run is for; absent when asked for by hand.' }),
    state: runState,
    attempt: z.int().openapi({ description: 'From 1; 0 while none has begun.' }),
    revision: z.int().optional().openapi({ description: 'The job’s revision that is run.' }),
    worker: z.string().optional(),
    fencingToken: z.string().optional().openapi({ description: 'Larger is newer.' }),
    requestedAt: instant.openapi({ description: 'When it was asked for; of a delayed run, when it is due.' }),
    arguments: z.array(z.string()).optional().openapi({ description: 'Asked for with the run, behind the job’s own.' }),
    env: z
      .record(z.string(), z.string())
      .optional()
      .openapi({ description: 'Asked for with the run, over the job’s own.' }),
    claimedAt: instant.optional(),
    startedAt: instant.optional(),
    finishedAt: instant.optional(),
    exitCode: z.int().optional(),
    signal: z.string().optional(),
    httpStatus: z.int().optional(),
    reason: skipReason.optional(),
    message: z.string().optional().openapi({ description: 'One sentence for people.' }),
    progress: z
      .number()
      .optional()
      .openapi({ description: 'How far the newest attempt is, from 0 to 100, as it says itself.' }),
    progressMessage: z.string().optional(),
    progressAt: instant.optional().openapi({ description: 'When it said so.' }),
    lastOutcome: z
      .enum(['Failed', 'TimedOut', 'Lost'])
      .optional()
      .openapi({ description: 'While a further attempt waits: how the newest one ended.' }),
    member: z
      .object({
        index: z.int().openapi({ description: 'From 0: CRONMESH_SHARD of a shard.' }),
        count: z.int(),
        worker: z.string().optional().openapi({ description: 'With mode All: the name of the worker that it is for.' }),
      })
      .optional()
      .openapi({ description: 'Which of the runs that its tick, or request, came to (placement All or Shards).' }),
    nextAttemptAt: instant
      .optional()
      .openapi({ description: 'While a further attempt waits: when it is due; then, when it was asked for.' }),
    chain: z
      .string()
      .optional()
      .openapi({ description: 'The first run of the chain that it belongs to; its own id for that one.' }),
    upstream: z.array(z.string()).optional().openapi({ description: 'Chained: the runs that it came after.' }),
  })
  .openapi('Run');

const chainLink = z.object({
  job: z.string(),
  outcome: z.enum(['Success', 'Failure', 'Always']),
  exists: z.boolean().openapi({ description: 'Whether there is a job of that name.' }),
  arrived: z
    .object({ run: z.string(), state: runState, at: instant })
    .optional()
    .openapi({ description: 'The end that has come, and waits for the others’.' }),
});

export const chainLinksSchema = z
  .object({
    upstreams: z.array(chainLink).openapi({ description: 'What it comes after.' }),
    downstreams: z.array(chainLink).openapi({ description: 'What comes after it.' }),
  })
  .openapi('ChainLinks');
export const askedRunSchema = runSchema
  .extend({
    runs: z.array(runSchema).optional().openapi({
      description: 'With placement All or Shards: all runs that were asked for; the fields beside are the first’s.',
    }),
  })
  .openapi('AskedRun');

export const jobSchema = z
  .object({
    apiVersion: z.literal('cronmesh.io/v1alpha1'),
    kind: z.literal('CronJob'),
    metadata: z.object({
      name: z.string(),
      namespace: z.string(),
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
      uid: z.string(),
      revision: z.int().openapi({ description: 'Grows with every change; the ETag.' }),
      creationTimestamp: instant,
    }),
    spec,
    status: z.object({
      source: z.enum(['api', 'consul', 'kubernetes', 'seed']),
      updatedAt: instant,
      floor: instant.openapi({ description: 'Ticks at or before it never fire.' }),
      nextTick: instant
        .optional()
        .openapi({ description: 'Absent while suspended or paused, and when the schedule has ended.' }),
      paused: z
        .object({ at: instant, reason: z.enum(values(PauseReason)), detail: z.string() })
        .optional()
        .openapi({ description: 'The job has paused itself; resuming it, or another limit, ends that.' }),
      lastRun: runSchema.optional(),
      problems: z.array(z.string()).optional().openapi({
        description: 'What keeps it from running as things are now, one sentence each; absent without any.',
      }),
      eligibleWorkers: z.int().optional().openapi({
        description:
          'Ready workers that may run it; 0: it waits for one. Not in lists, nor while the catalog is not seen.',
      }),
    }),
  })
  .openapi('Job');

const calendarSpecSchema = calendarSpec.clone().openapi('CalendarSpec');

/** What is sent of a calendar. */
export const calendarManifestSchema = z
  .strictObject({ ...calendarManifest.shape, spec: calendarSpecSchema })
  .openapi('CalendarManifest', { description: 'A calendar as users write it: the times that it holds.' });

export const calendarSchema = z
  .object({
    apiVersion: z.literal('cronmesh.io/v1alpha1'),
    kind: z.literal('Calendar'),
    metadata: z.object({
      name: z.string(),
      namespace: z.string(),
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
      revision: z.int().openapi({ description: 'Grows with every change; the ETag.' }),
      creationTimestamp: instant,
    }),
    spec: calendarSpecSchema,
    status: z.object({
      updatedAt: instant,
      usedBy: z
        .array(z.string())
        .optional()
        .openapi({ description: 'Jobs of its namespace that name it; not in lists.' }),
    }),
  })
  .openapi('Calendar');

export const skipSchema = z
  .object({
    namespace: z.string(),
    name: z.string(),
    from: instant,
    to: instant,
    count: z.int().openapi({ description: 'Ticks from `from` to `to`, both included.' }),
    reason: skipReason,
    detail: z.string(),
    recordedAt: instant,
  })
  .openapi('Skip');

export const waitingSchema = z
  .object({
    run: z.string().openapi({ description: 'The id of the run that it will be.' }),
    attempt: z.int().openapi({ description: 'From 1.' }),
    trigger: z.enum(values(TriggerKind)),
    tick: instant.optional(),
    dueAt: instant.openapi({
      description: 'Its tick or, without one, when it was due: the earlier one has its turn first.',
    }),
    deadline: instant.openapi({ description: 'It is not started after it.' }),
    by: z.string().openapi({ description: 'Who asked for it, or why it waits.' }),
  })
  .openapi('WaitingRun');

export const whySchema = z
  .object({
    namespace: z.string(),
    name: z.string(),
    at: instant.openapi({ description: 'The instant that was asked about.' }),
    outcome: z.enum(values(WhyOutcome)),
    message: z.string().openapi({ description: 'The whole answer in one line, for people.' }),
    tick: instant.optional().openapi({ description: 'The tick at that time, or the nearest before it.' }),
    exact: z
      .boolean()
      .openapi({ description: 'A tick was due at the very time (or within the minute that was named).' }),
    next: instant.optional().openapi({ description: 'The next tick after it that fires.' }),
    schedule: z.string().optional().openapi({ description: 'The schedule that was in force then.' }),
    timeZone: z.string(),
    run: runSchema.optional(),
    skip: skipSchema.optional(),
  })
  .openapi('Why');

export const workerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    node: z.string(),
    address: z.string(),
    port: z.int(),
    labels: z.record(z.string(), z.string()),
    capacity: z.int(),
    executors: z.array(z.enum(executorKinds)),
    modules: z.array(z.string()).openapi({ description: 'The jobs that its modules define.' }),
    customs: z.array(z.string()).openapi({ description: 'The executors that its modules define.' }),
    kubernetes: z.boolean().openapi({ description: 'It may use the Kubernetes API.' }),
    version: z.string(),
    startedAt: instant.optional().openapi({ description: 'When its process began.' }),
    ready: z.boolean().openapi({ description: 'All of its checks pass: it takes part in claiming.' }),
    checks: z.record(z.string(), z.enum(['passing', 'warning', 'critical'])),
    running: z.int().optional().openapi({ description: 'Runs claimed or going, as of its last beat.' }),
    cordon: z
      .object({
        drain: z.boolean(),
        by: z.string(),
        at: instant,
        reason: z.string(),
      })
      .optional()
      .openapi({ description: 'It was cordoned, or drained, by hand: it takes no work.' }),
    idle: z
      .boolean()
      .optional()
      .openapi({ description: 'Cordoned, it has said so itself, and nothing is left that it runs.' }),
  })
  .openapi('Worker');

const text = (most: number) =>
  z.string().max(most, `must have at most ${most} characters`).regex(withoutNul, 'must be text without NUL');

/** What freezes. */
export const freezeRequest = z
  .strictObject({
    reason: text(500).min(1).openapi({ description: 'For people; in every skip.' }),
    until: z.iso
      .datetime({ offset: true, message: 'must be an instant as RFC 3339, such as 2026-11-24T06:00:00Z' })
      .optional()
      .openapi({ description: 'It ends then by itself; a tick at that very time runs. Default: until it is thawed.' }),
  })
  .openapi('FreezeRequest');

export const cordonRequest = z.strictObject({ reason: text(500).default('') }).openapi('CordonRequest');

export const freezeSchema = z
  .object({
    scope: z.string().openapi({ description: 'A namespace, or * for everything.' }),
    state: z
      .enum(['Pending', 'InForce', 'Over'])
      .openapi({ description: 'Pending: Consul has not been told yet, and workers go on.' }),
    since: instant.openapi({ description: 'Ticks after it, and before its end, are skipped.' }),
    until: instant.optional(),
    endedAt: instant.optional().openapi({ description: 'When it was thawed by hand.' }),
    by: z.string(),
    reason: z.string(),
  })
  .openapi('Freeze');
/** What a server says of an asynchronous run. */
export const callbackSchema = z
  .strictObject({
    outcome: z.enum(['Succeeded', 'Failed']).optional().openapi({ description: 'How it went: the run ends with it.' }),
    message: plainText(1_000).optional().openapi({ description: 'One sentence for people.' }),
    output: plainText(65_536).optional().openapi({ description: 'With an outcome: goes into the run’s output.' }),
    progress: z
      .number()
      .min(0)
      .max(100)
      .optional()
      .openapi({ description: 'Without an outcome: how far it is, in percent. The token stays good.' }),
  })
  .refine(body => (body.outcome === undefined) !== (body.progress === undefined), {
    message: 'exactly one of outcome and progress is needed',
  })
  .refine(body => body.output === undefined || body.outcome !== undefined, {
    path: ['output'],
    message: 'is allowed with an outcome only',
  })
  .openapi('Callback');

export const callbackAnswerSchema = z
  .object({ run: z.string(), attempt: z.int(), outcome: z.enum(['Succeeded', 'Failed']).optional() })
  .openapi('CallbackTaken');

export const notificationSchema = z
  .object({
    id: z.string().openapi({ description: 'Of every try the same: a receiver knows by it what it has had.' }),
    namespace: z.string(),
    name: z.string(),
    channel: z.string(),
    event: z.enum(['Failure', 'Recovery', 'Late', 'Missed']),
    run: z.string().optional(),
    title: z.string(),
    text: z.string(),
    state: z.enum(['Waiting', 'Sent', 'Failed']),
    attempts: z.int(),
    createdAt: instant,
    at: instant.openapi({ description: 'While it waits: when it is tried (again). Else: when it ended.' }),
    error: z.string().optional().openapi({ description: 'Why the last try failed.' }),
  })
  .openapi('Notification');

export const ticksSchema = z
  .object({
    items: z.array(instant),
    schedule: z.string(),
    timeZone: z.string().openapi({ description: 'The zone in force.' }),
    suspended: z.boolean().openapi({ description: 'Or paused: no tick is due.' }),
    excluded: z
      .array(
        z.object({
          at: instant.openapi({ description: 'What the schedule alone says.' }),
          calendar: z.string().optional().openapi({ description: 'The calendar that takes it out, if it is one.' }),
          reason: z.string(),
        }),
      )
      .optional()
      .openapi({
        description:
          'With `excluded=true`: times of the schedule that are no ticks, up to the last item; at most `count` of them.',
      }),
  })
  .openapi('Ticks');

export const readinessSchema = z.object({ ready: z.boolean(), reasons: z.array(z.string()) }).openapi('Readiness');

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string().openapi({ description: 'Stable: it never changes its meaning.' }),
    errors: z
      .array(z.object({ field: z.string(), value: z.string().optional(), message: z.string() }))
      .optional()
      .openapi({ description: 'One for each field that is wrong: what was given, as JSON, and what is allowed.' }),
  })
  .openapi('Problem');

/** What a run, or a backfill, is asked for with: clones, as above. */
export const runRequestSchema = runRequest.clone().openapi('RunRequest');
export const backfillRequestSchema = backfillRequest.clone().openapi('BackfillRequest');

export const dryRunSchema = z
  .object({
    message: z.string().openapi({ description: 'The whole answer in one line, for people.' }),
    run: z
      .string()
      .openapi({ description: 'An id like the one it would have: the real one may rank workers otherwise.' }),
    revision: z.int(),
    dueAt: instant,
    deadline: instant.openapi({ description: 'Not started after it.' }),
    timeoutSeconds: z.number(),
    executor: z.record(z.string(), z.unknown()),
    command: z.array(z.string()).optional().openapi({ description: 'Of a shell job: program and arguments.' }),
    arguments: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    secretRefs: z
      .array(z.record(z.string(), z.unknown()))
      .openapi({ description: 'Names only: values are read at the start.' }),
    workers: z
      .array(z.object({ id: z.string(), name: z.string(), rank: z.int() }))
      .openapi({ description: 'Ready and eligible ones, by rank: 0 looks first, 3 stands for all later ones.' }),
    concurrency: z.object({
      policy: z.string(),
      limit: z.int().optional(),
      free: z.boolean(),
      holders: z.array(z.object({ run: z.string(), slot: z.string(), worker: z.string() })),
    }),
    waiting: z.array(z.object({ run: z.string(), trigger: z.string(), requestedAt: instant })),
  })
  .openapi('DryRun');

export const backfillSchema = z
  .object({
    id: z.string(),
    namespace: z.string(),
    name: z.string().openapi({ description: 'The job’s name.' }),
    jobUid: z.string(),
    from: instant,
    to: instant,
    parallelism: z.int(),
    order: z.enum(values(BackfillOrder)),
    onlyMissing: z.boolean(),
    schedule: z.string().openapi({ description: 'The job’s schedule when the backfill was asked for.' }),
    state: z.enum(values(BackfillState)),
    message: z.string().optional(),
    requestedAt: instant,
    finishedAt: instant.optional(),
    total: z.int().openapi({ description: 'Ticks in the range.' }),
    done: z.int().openapi({ description: 'Ticks of which nothing is left to be done.' }),
    running: z.int().openapi({ description: 'Runs that wait or go now.' }),
    succeeded: z.int(),
    failed: z.int().openapi({ description: 'Failed, TimedOut, Killed or Lost.' }),
    skipped: z.int().openapi({ description: 'Never started.' }),
    leftOut: z.int().openapi({ description: 'Ticks that had a run already.' }),
    nextTick: instant.optional(),
  })
  .openapi('Backfill');

/** A page of a list. */
export function pageOf<T extends z.ZodType>(item: T, name: string) {
  const next = z
    .string()
    .optional()
    .openapi({ description: 'Give it as `cursor` for the next page; absent on the last.' });
  return z.object({ items: z.array(item), next }).openapi(name);
}
