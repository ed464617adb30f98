import { z } from 'zod';
import { labelKey, labels, labelValue } from './names.ts';

/** Which workers may run a job, and on how many of them. */

export const requirement = z
  .strictObject({
    key: z
      .string()
      .regex(labelKey, 'must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters')
      .describe('The label that is looked at.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe('As in Kubernetes: a worker without the label satisfies NotIn and DoesNotExist.'),
    values: z
      .array(
        z.string().regex(labelValue, 'must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."'),
      )
      .max(100)
      .default([])
      .describe('With In and NotIn: one value or more. With Exists and DoesNotExist: none.'),
  })
  .refine(one => !isListOperator(one.operator) || one.values.length > 0, {
    path: ['values'],
    message: 'must have at least one value with In and NotIn',
  })
  .refine(one => isListOperator(one.operator) || one.values.length === 0, {
    path: ['values'],
    message: 'must be left out with Exists and DoesNotExist',
  });

function isListOperator(operator: string): boolean {
  return operator === 'In' || operator === 'NotIn';
}

export const selector = z.strictObject({
  matchLabels: labels.default({}).describe('Labels that a worker must have, all of them.'),
  matchExpressions: z.array(requirement).max(50).default([]).describe('What else its labels must satisfy, all of it.'),
});

/** A transaction in Consul holds 128 operations, and the triggers of one tick are one transaction. */
export const maxMembers = 100;

export const placement = z
  .strictObject({
    selector: selector.default({ matchLabels: {}, matchExpressions: [] }),
    mode: z
      .enum(['One', 'All', 'Shards'])
      .default('One')
      .describe(
        'One: a tick is one run, on any eligible worker. All: a run on each eligible worker that is ready then, at most 100. Shards: as many runs as `shards` says, each with its own CRONMESH_SHARD.',
      ),
    shards: z.int().min(2).max(maxMembers).describe('With mode Shards: how many runs a tick is.').optional(),
  })
  .refine(one => one.mode !== 'Shards' || one.shards !== undefined, {
    path: ['shards'],
    message: 'is needed with mode Shards',
  })
  .refine(one => one.mode === 'Shards' || one.shards === undefined, {
    path: ['shards'],
    message: 'is allowed with mode Shards only',
  });
