import { z } from 'zod';
import { dnsLabel, jobName } from './names.ts';

/** What follows from runs: others, notifications, and what is kept of them. */

/** A job that this one comes after, and which ends of its runs count. */
export const upstream = z.strictObject({
  job: jobName.describe('The name of a job in the same namespace; it may be made later.'),
  outcome: z
    .enum(['Success', 'Failure', 'Always'])
    .default('Success')
    .describe('The end that is asked for. Failure: Failed, TimedOut, Lost or Killed.'),
});

/** When whom to tell what became of runs. */
export const notifyRule = z.strictObject({
  channel: z
    .string()
    .max(63)
    .regex(dnsLabel, "must be lower-case letters, digits and '-', beginning and ending with a letter or digit")
    .describe('A channel of the masters’ configuration (notifications.channels).'),
  events: z
    .array(z.enum(['Failure', 'Recovery', 'Late', 'Missed']))
    .min(1)
    .max(4)
    .default(['Failure', 'Recovery'])
    .describe(
      'Failure: a run ended as Failed, TimedOut or Lost, and is not tried again. Recovery: a success after a failure that was told. Late: a run that has not started latenessSeconds after it was due. Missed: ticks without a run that nobody wished to skip.',
    ),
  every: z
    .int()
    .min(1)
    .max(1_000)
    .default(1)
    .describe('Of failures in a row, each n-th is told: with 3, the third and the sixth.'),
  latenessSeconds: z.int().min(1).max(86_400).default(60).describe('What counts as late.'),
  template: z
    .string()
    .min(1)
    .max(4_096)
    .describe(
      'The text, with $(JOB), $(NAMESPACE), $(EVENT), $(STATE), $(RUN), $(TICK), $(ATTEMPT), $(WORKER), $(MESSAGE), $(FAILURES) and $(COUNT) in it.',
    )
    .optional(),
});

/** How much of a job's past is kept, at most: beside what the masters' configuration says for all jobs. */
export const jobHistory = z.strictObject({
  runs: z.int().min(1).max(1_000_000).describe('The most ended runs that are kept.').optional(),
  days: z.number().min(0.01).max(36_500).describe('How long ended runs and skips are kept.').optional(),
  outputBytes: z
    .int()
    .min(0)
    .max(1024 ** 4)
    .describe('Output kept of all ended runs together: the oldest goes first, but never that of the newest run.')
    .optional(),
});
