import { z } from 'zod';
import { namespaceName } from '../domain/job/spec/names.ts';

/** The settings of TLS and of who may use REST; `schema.ts` puts them into their sections. Files are PEM. */

const file = z.string().min(1).optional();

interface Pair {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

function bothOrNeither(given: Pair & { readonly caFile?: string | undefined }, context: z.RefinementCtx): void {
  const missing = (field: string, because: string) =>
    context.addIssue({ code: 'custom', path: [field], message: `is missing: ${because}` });
  if (given.certFile === undefined && given.keyFile !== undefined) missing('certFile', 'keyFile is its key');
  if (given.certFile !== undefined && given.keyFile === undefined) missing('keyFile', 'certFile needs its key');
}

/** A server without a certificate of its own serves plain text, and can't ask clients for theirs. */
function serves(given: Pair & { readonly caFile?: string | undefined }, context: z.RefinementCtx): void {
  bothOrNeither(given, context);
  if (given.certFile === undefined && given.keyFile === undefined && given.caFile !== undefined) {
    context.addIssue({ code: 'custom', path: ['certFile'], message: 'is missing: caFile alone makes no TLS' });
  }
}

export const caFile = file;

export const serverTls = z.strictObject({ certFile: file, keyFile: file, caFile }).superRefine(serves).prefault({});

export const clientTls = z
  .strictObject({ certFile: file, keyFile: file, caFile })
  .superRefine(bothOrNeither)
  .prefault({});

export const grpcTls = z
  .strictObject({
    certFile: file,
    keyFile: file,
    caFile,
    /** For workers: the name in the masters' certificates, since the catalog gives addresses. */
    serverName: z.string().min(1).default('cronmesh-master'),
  })
  .superRefine(serves)
  .prefault({});

/** What a token may do: read; also change jobs and runs of its namespaces; also everything else, for all namespaces. */
export const apiRoles = ['viewer', 'editor', 'admin'] as const;
export type ApiRole = (typeof apiRoles)[number];

const apiToken = z
  .strictObject({
    /** For the log and the record of who asked for what. */
    name: z
      .string()
      .regex(/^[A-Za-z0-9][-A-Za-z0-9._@]{0,62}$/, "must be up to 63 letters, digits, '-', '_', '.', '@'"),
    /** Of the token, in hex: the token itself is nowhere. */
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits: printf %s "$TOKEN" | sha256sum')
      .transform(text => text.toLowerCase()),
    namespaces: z.array(z.union([z.literal('*'), namespaceName])).min(1),
    role: z.enum(apiRoles),
  })
  .refine(({ role, namespaces }) => role !== 'admin' || namespaces.includes('*'), {
    path: ['namespaces'],
    message: "must be ['*'] for the role admin, which is about the whole cluster",
  });

export const apiTokens = z.array(apiToken).superRefine((tokens, context) => {
  for (const field of ['name', 'sha256'] as const) {
    const seen = new Set<string>();
    for (const [i, token] of tokens.entries()) {
      if (seen.has(token[field])) context.addIssue({ code: 'custom', path: [i, field], message: 'is there twice' });
      seen.add(token[field]);
    }
  }
});
export type ApiToken = z.output<typeof apiTokens>[number];
