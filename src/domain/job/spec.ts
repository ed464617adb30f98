import { z } from 'zod';
import { jobHistory, notifyRule, upstream } from './spec/consequences.ts';
import {
  type customExecutor,
  executor,
  type httpExecutor,
  type kubernetesExecutor,
  type moduleExecutor,
  type shellExecutor,
} from './spec/executors.ts';
import { dnsLabelText, jobName, labels, namespaceName } from './spec/names.ts';
import { placement, type requirement, type selector } from './spec/placement.ts';
import { retry } from './spec/retry.ts';
import { secretRef } from './spec/secret-ref.ts';
import { instantText, isAfter, jobCalendars } from './spec/times.ts';

/**
 * The job as users write it. This zod schema is the one source: the types, the OpenAPI document and the custom
 * resource's schema are generated from it. Unknown fields are errors everywhere.
 * Whether a schedule or zone is valid is decided by the schedule engine, in validate.ts.
 */

export const jobSpec = z
  .strictObject({
    schedule: z.string().min(1).max(1_024).describe('A cron expression, a macro, @every, @at or @manually.'),
    timeZone: z.string().min(1).describe('An IANA time zone; without it the schedule is in UTC.').optional(),
    dstPolicy: z
      .enum(['Vixie', 'Literal'])
      .default('Vixie')
      .describe(
        'When clocks change. Vixie: a time in the gap runs at its end, a repeated time once. Literal: a time in the gap is skipped, a repeated time runs twice.',
      ),
    calendars: jobCalendars
      .describe('Times that fall out by calendars are no ticks. Calendars are resources of the REST API.')
      .optional(),
    startAt: instantText.describe('There is no tick before it.').optional(),
    endAt: instantText.describe('There is no tick after it.').optional(),
    jitterSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .describe(
        'Each tick comes later by an amount of its own, always the same, of less than this many seconds; never as late as the next.',
      )
      .optional(),
    suspend: z.boolean().default(false).describe('Ticks of a suspended job are skipped; running ones go on.'),
    startingDeadlineSeconds: z
      .int()
      .min(1)
      .max(31_536_000)
      .default(300)
      .describe('A run that could not start this long after its tick is skipped instead.'),
    concurrencyPolicy: z
      .enum(['Allow', 'Forbid', 'Replace', 'Queue'])
      .default('Allow')
      .describe(
        'Whether a run may start beside another of the same job. Forbid: its tick is skipped. Replace: the run before is killed first. Queue: it waits for its turn.',
      ),
    maxConcurrentRuns: z.int().min(1).max(1_000).describe('With Allow: the most runs at once.').optional(),
    maxQueuedRuns: z
      .int()
      .min(1)
      .max(1_000)
      .describe('With Queue: the most runs that wait, 10 without it; further ticks are skipped.')
      .optional(),
    concurrencyGroup: dnsLabelText
      .describe('Not with Allow: of all jobs of the namespace that name the same group, at most one run goes at once.')
      .optional(),
    misfirePolicy: z
      .enum(['Skip', 'RunLatest', 'RunAll'])
      .default('Skip')
      .describe('What becomes of ticks that are found when their time has passed.'),
    misfireLimit: z.int().min(1).max(1_000).default(10).describe('With RunAll: the most missed ticks that are run.'),
    timeoutSeconds: z
      .number()
      .min(0.001)
      .max(31_536_000)
      .default(3_600)
      .describe('A run is ended after this many seconds.'),
    terminationGraceSeconds: z.number().min(0).max(3_600).default(5).describe('Seconds between TERM and KILL.'),
    retry: retry.describe('Further attempts at a run that did not succeed; without it there are none.').optional(),
    after: z
      .array(upstream)
      .min(1)
      .max(50)
      .refine(all => new Set(all.map(({ job }) => job)).size === all.length, {
        message: 'must name each job once',
      })
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        'Chains: one run once a run of each of these jobs has ended since the last such run. Usually with the schedule @manually.',
      )
      .optional(),
    pauseAfterFailures: z
      .int()
      .min(1)
      .max(1_000)
      .describe('After so many runs in a row that failed, the job is paused until it is resumed.')
      .optional(),
    maxRuns: z
      .int()
      .min(1)
      .max(1_000_000)
      .describe(
        'After so many runs of its schedule the job is paused until it is resumed. Runs asked for do not count.',
      )
      .optional(),
    placement: placement
      .default({ selector: { matchLabels: {}, matchExpressions: [] }, mode: 'One' })
      .describe('Which workers may run it, and on how many of them.'),
    executor: executor.describe('What is run: exactly one of these.'),
    notify: z.array(notifyRule).max(20).describe('Whom to tell what became of its runs.').optional(),
    history: jobHistory.describe('How much of its past is kept.').optional(),
    secretRefs: z
      .array(secretRef)
      .max(100)
      .describe(
        'Values of Secrets, ConfigMaps, and of the worker’s own variables and files, read when a run starts: variables of a shell run; in an http request, $(NAME) in headers and body.',
      )
      .optional(),
  })
  .refine(({ startAt, endAt }) => isAfter(endAt, startAt), {
    path: ['endAt'],
    message: 'must be after startAt',
  })
  .refine(spec => spec.secretRefs === undefined || spec.executor.kubernetes === undefined, {
    path: ['secretRefs'],
    message: 'is not allowed with the kubernetes executor: use valueFrom in the pod template',
  })
  .refine(spec => spec.retry?.on.httpStatuses === undefined || spec.executor.http !== undefined, {
    path: ['retry', 'on', 'httpStatuses'],
    message: 'is allowed with the http executor only',
  })
  .refine(spec => spec.retry?.on.exitCodes === undefined || spec.executor.http === undefined, {
    path: ['retry', 'on', 'exitCodes'],
    message: 'is not allowed with the http executor, whose runs have no exit code',
  })
  .refine(spec => spec.maxConcurrentRuns === undefined || spec.concurrencyPolicy === 'Allow', {
    path: ['maxConcurrentRuns'],
    message: 'is allowed with concurrencyPolicy Allow only',
  })
  .refine(spec => spec.maxConcurrentRuns === undefined || spec.placement.mode === 'One', {
    path: ['maxConcurrentRuns'],
    message: 'is allowed with placement mode One only',
  })
  // What keeps one whole from another is made for these two; see docs/decisions/0407.
  .refine(spec => spec.placement.mode === 'One' || ['Allow', 'Forbid'].includes(spec.concurrencyPolicy), {
    path: ['concurrencyPolicy'],
    message: 'must be Allow or Forbid with placement mode All or Shards',
  })
  .refine(spec => spec.concurrencyGroup === undefined || spec.placement.mode === 'One', {
    path: ['concurrencyGroup'],
    message: 'needs placement mode One',
  })
  .refine(spec => spec.maxQueuedRuns === undefined || spec.concurrencyPolicy === 'Queue', {
    path: ['maxQueuedRuns'],
    message: 'is allowed with concurrencyPolicy Queue only',
  })
  .refine(spec => spec.concurrencyGroup === undefined || spec.concurrencyPolicy !== 'Allow', {
    path: ['concurrencyGroup'],
    message: 'is allowed with concurrencyPolicy Forbid, Replace or Queue only',
  });

/** Queue: the most runs that wait where the job does not say. */
export const defaultQueuedRuns = 10;

export const manifest = z.strictObject({
  apiVersion: z.literal('cronmesh.io/v1alpha1').optional(),
  kind: z.literal('CronJob').optional(),
  metadata: z.strictObject({
    name: jobName,
    namespace: namespaceName.optional(),
    labels: labels.default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: jobSpec,
});

/** A spec as it is stored: every default filled in. */
export type JobSpec = z.output<typeof jobSpec>;
/** A spec as users write it. */
export type JobSpecInput = z.input<typeof jobSpec>;
export type Manifest = z.output<typeof manifest>;
export type ManifestInput = z.input<typeof manifest>;
export type ShellExecutorSpec = z.output<typeof shellExecutor>;
export type HttpExecutorSpec = z.output<typeof httpExecutor>;
export type KubernetesExecutorSpec = z.output<typeof kubernetesExecutor>;
export type ModuleExecutorSpec = z.output<typeof moduleExecutor>;
export type CustomExecutorSpec = z.output<typeof customExecutor>;
export type SecretRef = z.output<typeof secretRef>;
export type RetrySpec = z.output<typeof retry>;
export type NotifyRule = z.output<typeof notifyRule>;
export type JobHistory = z.output<typeof jobHistory>;
export type Selector = z.output<typeof selector>;
export type Requirement = z.output<typeof requirement>;
export type Placement = z.output<typeof placement>;
export type Labels = Readonly<Record<string, string>>;
export const executorKinds = ['shell', 'http', 'kubernetes', 'module', 'custom'] as const;
export type ExecutorKind = (typeof executorKinds)[number];

/** Which executor a spec names. */
export function executorKind(spec: Pick<JobSpec, 'executor'>): ExecutorKind {
  return executorKinds.find(kind => spec.executor[kind] !== undefined) ?? 'shell';
}
