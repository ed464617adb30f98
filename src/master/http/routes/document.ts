import { z } from '@hono/zod-openapi';
import { problemSchema } from '../schemas.ts';

/** Pieces of route descriptions. */

const problem = (description: string, headers: Readonly<Record<string, string>> = {}) => ({
  description,
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, about]) => [name, { description: about, schema: { type: 'string' as const } }]),
  ),
  content: { 'application/problem+json': { schema: problemSchema } },
});

const again = { 'Retry-After': 'In how many seconds to try again.' };

/** What every operation of the API may answer, whoever asks for whatever. */
export const problems = {
  401: problem('`Unauthorized`: a token is needed, or the one given is not known.', {
    'WWW-Authenticate': 'How to send it.',
  }),
  403: problem('`Forbidden`: the token’s role or namespaces do not reach so far, or a page of another origin asks.'),
  429: problem('`TooManyRequests` of one client are under way; or `TooManyPending` runs wait.', again),
  503: problem('`Overloaded`: too much is under way; or `Unavailable`: what is needed does not answer.', again),
  default: problem('What else is wrong (RFC 9457), with a stable `code`.'),
};

export function answer<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** An answer with a job's ETag. */
export function tagged<T extends z.ZodType>(schema: T, description: string) {
  const headers = { ETag: { description: 'The revision, for If-Match.', schema: { type: 'string' as const } } };
  return { ...answer(schema, description), headers };
}

/**
 * A body is described by reference and read by `readBody`, not by the framework: it may be YAML, and problems are to
 * name the field as the user wrote it.
 */
export function body(
  name:
    | 'Manifest'
    | 'CalendarManifest'
    | 'Patch'
    | 'RunRequest'
    | 'BackfillRequest'
    | 'FreezeRequest'
    | 'CordonRequest',
  types: readonly string[],
  required = true,
) {
  const schema = { $ref: `#/components/schemas/${name}` };
  return { required, content: Object.fromEntries(types.map(type => [type, { schema }])) };
}

export const manifestTypes = ['application/json', 'application/yaml'];
export const patchTypes = ['application/merge-patch+json', 'application/json', 'application/yaml'];

export const namespaceParams = z.object({ namespace: z.string() });
export const jobParams = z.object({ namespace: z.string(), name: z.string() });
export const workerParams = z.object({ name: z.string() });
export const backfillParams = z.object({ id: z.string() });
export const runParams = z.object({ id: z.string() });

// Said here, judged in conditions.ts, whose words tell what to send.
const ifMatch = z.string().optional().openapi({
  description: 'An ETag, or *.',
  format: 'entity-tags',
  example: '"3"',
  pattern: '^(\\*|"[0-9]{1,15}"(, ?"[0-9]{1,15}")*)$',
});
export const matchHeaders = z.object({ 'if-match': ifMatch });
export const applyHeaders = z.object({
  'if-match': ifMatch,
  'if-none-match': z
    .string()
    .optional()
    .openapi({ description: '*: only create.', enum: ['*'] }),
});
