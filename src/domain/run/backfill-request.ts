import { z } from 'zod';
import type { FieldProblem } from '../errors.ts';
import { preview } from '../job/preview.ts';
import { problemsOf } from '../job/problems.ts';
import { invalidManifest } from '../job/validate.ts';
import type { Instant } from '../time.ts';
import { instant } from './request.ts';

/** What a backfill is asked for with. */
export const backfillRequest = z.strictObject({
  from: instant.describe('The beginning of the range, included.'),
  to: instant.describe('The end of the range, not included; not in the future.'),
  parallelism: z.int().min(1).max(100).default(1).describe('How many of its runs may wait or go at a time.'),
  order: z.enum(['OldestFirst', 'NewestFirst']).default('OldestFirst').describe('Which ticks come first.'),
  onlyMissing: z.boolean().default(true).describe('Leave out ticks that have a run already.'),
});
export type BackfillRequest = z.output<typeof backfillRequest>;

/** @throws CronmeshError InvalidInput with a problem for each field that is wrong */
export function parseBackfillRequest(body: unknown, now: Instant): BackfillRequest {
  const parsed = backfillRequest.safeParse(body);
  if (!parsed.success) throw invalidManifest(problemsOf(parsed.error, body, backfillRequest));
  const { from, to } = parsed.data;
  const given = (field: 'from' | 'to') => preview((body as Record<string, unknown>)[field]);
  const problems: FieldProblem[] = [];
  if (from >= to) problems.push({ field: 'from', value: given('from'), message: 'must be before `to`' });
  if (to > now) problems.push({ field: 'to', value: given('to'), message: 'must not be in the future' });
  if (problems.length > 0) throw invalidManifest(problems);
  return parsed.data;
}
