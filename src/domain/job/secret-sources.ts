import { z } from 'zod';

/** Sources of `secretRefs` on the worker itself. */

const optional = z.boolean().default(false).describe('Whether the run goes on without it; otherwise it fails.');

export const environmentSource = z.strictObject({
  variable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be letters, digits and '_', not beginning with a digit")
    .describe('A variable of the worker, which must be named in its worker.secrets.environment.'),
  optional,
});

export const fileSource = z.strictObject({
  path: z
    .string()
    .max(1_000)
    .regex(
      /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
      "must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them",
    )
    .describe('A file below the worker’s worker.secrets.directory. One line break at its end is left out.'),
  optional,
});
