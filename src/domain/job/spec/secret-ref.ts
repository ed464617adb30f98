import { z } from 'zod';
import { environmentSource, fileSource } from '../secret-sources.ts';
import { dnsSubdomain, environmentName } from './names.ts';

const keyRef = z.strictObject({
  name: z
    .string()
    .max(253)
    .regex(dnsSubdomain, "must be the name of an object in Kubernetes: lower-case letters, digits, '-' and '.'"),
  key: z.string().regex(/^[-._a-zA-Z0-9]{1,253}$/, "must be letters, digits, '-', '_' and '.'"),
  optional: z.boolean().default(false).describe('Whether the run goes on without it; otherwise it fails.'),
});

/** A value that a run gets by reference: it is read when the run starts, and is in no record of the job. */
export const secretRef = z
  .strictObject({
    name: environmentName.refine(name => !name.startsWith('CRONMESH_'), 'must not begin with CRONMESH_'),
    secretKeyRef: keyRef.describe('A key of a Secret in the job’s namespace.').optional(),
    configMapKeyRef: keyRef.describe('A key of a ConfigMap in the job’s namespace.').optional(),
    environment: environmentSource.describe('A variable of the worker’s environment.').optional(),
    file: fileSource.describe('A file on the worker.').optional(),
  })
  .refine(
    ref =>
      [ref.secretKeyRef, ref.configMapKeyRef, ref.environment, ref.file].filter(one => one !== undefined).length === 1,
    { message: 'exactly one of secretKeyRef, configMapKeyRef, environment and file is needed' },
  );
