import { z } from 'zod';
import { CronmeshError, type FieldProblem } from '../errors.ts';
import { preview } from '../job/preview.ts';
import { problemsOf } from '../job/problems.ts';
import { environmentName } from '../job/spec/names.ts';
import { executorKind, type JobSpec } from '../job/spec.ts';
import { invalidManifest, textProblems } from '../job/validate.ts';
import type { Instant } from '../time.ts';
import type { RunParticulars } from './run.ts';

/** How far ahead a run may be asked for. */
export const maxDelaySeconds = 366 * 86_400;
const maxArguments = 100;
/** Of all arguments together, and of all variables: both travel in Consul's transactions. */
const maxBytes = 32 * 1024;

const instantMessage = 'must be an instant as RFC 3339, such as 2026-11-23T06:00:00Z';
/** An instant in a body. */
export const instant = z.iso
  .datetime({ offset: true, message: instantMessage })
  .transform(value => Date.parse(value))
  .refine(value => Number.isSafeInteger(value), instantMessage);

/** What a run may be asked for with. */
export const runRequest = z.strictObject({
  at: instant.describe('When it is due, up to 366 days ahead. Default: now.').optional(),
  delaySeconds: z
    .number()
    .min(0)
    .max(maxDelaySeconds)
    .describe('In how many seconds it is due, instead of `at`.')
    .optional(),
  arguments: z
    .array(z.string())
    .max(maxArguments)
    .describe(
      'Behind the job’s own: "$1" and on of a command given as a string, behind a list, of a script; in Kubernetes the args of the first container. At most 32 KiB in all. Stored: not for secrets.',
    )
    .optional(),
  env: z
    .record(
      environmentName.refine(name => !name.startsWith('CRONMESH_'), 'must not begin with CRONMESH_'),
      z.string(),
    )
    .describe('Over the job’s own environment. At most 32 KiB in all. Stored: not for secrets.')
    .optional(),
  dryRun: z.boolean().default(false).describe('Only says what would run and where; changes nothing.'),
});

/** A request that was found right. */
export interface RunRequest {
  /** When it is due; absent: now. */
  readonly dueAt?: Instant;
  readonly particulars?: RunParticulars;
  readonly dryRun: boolean;
}

/** @throws CronmeshError InvalidInput with a problem for each field that is wrong */
export function parseRunRequest(body: unknown, now: Instant): RunRequest {
  const parsed = runRequest.safeParse(body);
  const problems: FieldProblem[] = [
    ...(parsed.success ? [] : problemsOf(parsed.error, body, runRequest)),
    ...reservedName(body),
  ];
  if (!parsed.success || problems.length > 0) throw invalidManifest(problems);
  const { at, delaySeconds, arguments: given = [], env = {}, dryRun } = parsed.data;
  const late = [
    ...whenProblems(body, at, delaySeconds, now),
    ...textProblems(given, ['arguments']),
    ...textProblems(env, ['env']),
    ...sizeProblem('arguments', given),
    ...sizeProblem('env', Object.entries(env).flat()),
  ];
  if (late.length > 0) throw invalidManifest(late);
  const dueAt = at ?? (delaySeconds ? now + Math.round(delaySeconds * 1_000) : undefined);
  const particulars: RunParticulars = {
    ...(given.length > 0 && { arguments: given }),
    ...(Object.keys(env).length > 0 && { env }),
  };
  return {
    dryRun,
    ...(dueAt !== undefined && { dueAt }),
    ...(Object.keys(particulars).length > 0 && { particulars }),
  };
}

/** Whether a job can take what a request brings. @throws CronmeshError NotApplicable */
export function checkFits(spec: Pick<JobSpec, 'executor'>, { particulars }: RunRequest): void {
  if (executorKind(spec) !== 'http') return;
  if (particulars?.arguments === undefined) return;
  const message = 'cannot be given to an http job, which has no command: use env, and $(NAME) in the request';
  const problems = [{ field: 'arguments', message }];
  throw new CronmeshError('NotApplicable', `arguments ${message}`, { problems });
}

function whenProblems(
  body: unknown,
  at: Instant | undefined,
  delaySeconds: number | undefined,
  now: Instant,
): readonly FieldProblem[] {
  if (at === undefined) return [];
  const value = preview((body as { readonly at: unknown }).at);
  if (delaySeconds !== undefined) return [{ field: 'at', value, message: 'must not be given beside delaySeconds' }];
  if (at > now && at <= now + maxDelaySeconds * 1_000) return [];
  return [{ field: 'at', value, message: 'must lie ahead, by at most 366 days; leave it out to run now' }];
}

function sizeProblem(field: string, texts: readonly string[]): readonly FieldProblem[] {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes <= maxBytes ? [] : [{ field, message: `has ${bytes} bytes, and at most ${maxBytes} are allowed` }];
}

/** JavaScript keeps one name for itself, and would drop it in silence. */
function reservedName(body: unknown): readonly FieldProblem[] {
  const env = typeof body === 'object' && body !== null && 'env' in body ? body.env : undefined;
  if (typeof env !== 'object' || env === null || !Object.hasOwn(env, '__proto__')) return [];
  return [{ field: 'env.__proto__', message: 'cannot be used as a name' }];
}
