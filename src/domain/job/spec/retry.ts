import { z } from 'zod';
import { httpStatusPattern } from './executors.ts';

/**
 * How long to wait before the next attempt. Defaults: 10 s, doubled each time, at most 300 s, as the kubelet waits before
 * it starts a crashed container again; jitter 0.1 as in `retry.DefaultRetry` of Kubernetes' client-go.
 */
export const retryBackoff = z.strictObject({
  initialSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(10)
    .describe('The wait before the first further attempt, in seconds.'),
  factor: z.number().min(1).max(100).default(2).describe('Each further wait is this many times the one before.'),
  maximumSeconds: z.number().min(0).max(604_800).default(300).describe('No wait is longer, but for the jitter.'),
  jitter: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Each wait is made longer or shorter at random by up to this part of it.'),
});

/**
 * After which ends there is a further attempt. Default: every outcome that is not a success or a wish, as a Kubernetes Job
 * tries again whatever its pod's failure was.
 */
export const retryOn = z
  .strictObject({
    outcomes: z
      .array(z.enum(['Failed', 'TimedOut', 'Lost']))
      .min(1)
      .max(3)
      .default(['Failed', 'TimedOut', 'Lost'])
      .describe('Outcomes of an attempt after which there is another.'),
    exitCodes: z
      .array(z.int().min(0).max(255))
      .min(1)
      .max(256)
      .describe('Narrows Failed: only these exit codes.')
      .optional(),
    httpStatuses: z
      .array(httpStatusPattern)
      .min(1)
      .max(100)
      .describe('Narrows Failed: only these statuses (429), classes (5xx) and ranges (500-504).')
      .optional(),
  })
  .refine(on => (on.exitCodes === undefined && on.httpStatuses === undefined) || on.outcomes.includes('Failed'), {
    path: ['outcomes'],
    message: 'must contain Failed, which exitCodes and httpStatuses narrow',
  });

export const retry = z.strictObject({
  limit: z.int().min(0).max(100).describe('The most attempts after the first one.'),
  backoff: retryBackoff
    .default({ initialSeconds: 10, factor: 2, maximumSeconds: 300, jitter: 0.1 })
    .describe('The waits between attempts.'),
  on: retryOn
    .default({ outcomes: ['Failed', 'TimedOut', 'Lost'] })
    .describe(
      'After which ends there is another attempt. Killed and Succeeded are final. In YAML for kubectl the name is to be in quotes: "on".',
    ),
});
