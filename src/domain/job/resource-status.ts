import { z } from 'zod';
import { RunState } from '../run/run.ts';

/**
 * The `status` of a CronJob resource: what the operator writes and `kubectl get mcj` shows. The custom resource's
 * schema is generated from it, so an API server refuses what is not here.
 */

/** Entries kept in `recentRuns`, the newest first. */
export const maxRecentRuns = 10;
/** Characters kept of a run's message. */
export const maxRunMessage = 1_024;

const time = z.iso.datetime({ offset: true });
const state = z.enum(RunState).describe('The state of the run, such as Running, Succeeded or Failed.');
const runId = z.string().min(1).max(64);

/** As metav1.Condition of Kubernetes. */
export const resourceCondition = z.strictObject({
  type: z
    .string()
    .max(316)
    .regex(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/)
    .describe('What is judged, such as Ready.'),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().min(0).describe('The generation of the spec that was judged.').optional(),
  lastTransitionTime: time.describe('When the status last changed.'),
  reason: z
    .string()
    .min(1)
    .max(1_024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
    .describe('One word in CamelCase for programs.'),
  message: z.string().max(32_768).describe('For people: what is wrong and what to do.'),
});

/** A run that is over, or as far as it is known. */
export const resourceRun = z.strictObject({
  id: runId,
  state,
  tick: time.describe('The tick that it is the run of; none when it was asked for by hand.').optional(),
  finishedAt: time.optional(),
});

/** The run with the latest start or end. */
export const resourceLastRun = resourceRun.extend({
  startedAt: time.optional(),
  message: z.string().max(maxRunMessage).describe('Why it failed or was skipped, where there is a reason.').optional(),
});

export const resourceStatus = z.strictObject({
  observedGeneration: z.int().min(0).describe('The generation of the spec that the other fields are about.').optional(),
  conditions: z
    .array(resourceCondition)
    .max(16)
    .describe('Ready says whether the job is scheduled; where it is False, the message says what to change.')
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .optional(),
  jobUid: z.string().max(64).describe('The uid of the job that was made of the resource.').optional(),
  revision: z.int().min(1).describe('The revision of the job: it grows with each change.').optional(),
  active: z.int().min(0).describe('Runs that are going, or wait to.').optional(),
  lastScheduleTime: time.describe('The last tick that has a run.').optional(),
  lastSuccessfulTime: time.describe('When a run last ended with success.').optional(),
  nextScheduleTime: time.describe('The next tick; none while suspended, and when none comes any more.').optional(),
  lastRun: resourceLastRun.optional(),
  recentRuns: z
    .array(resourceRun)
    .max(maxRecentRuns)
    .describe('The last runs that ended, the newest first.')
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .optional(),
});

export type ResourceCondition = z.output<typeof resourceCondition>;
export type ResourceRun = z.output<typeof resourceRun>;
export type ResourceLastRun = z.output<typeof resourceLastRun>;
export type ResourceStatus = z.output<typeof resourceStatus>;
