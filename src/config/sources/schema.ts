import { z } from 'zod';

const name = z.string().regex(/^[A-Za-z0-9._:-]{1,256}$/, "must be up to 256 letters, digits, '.', '_', ':' and '-'");

/** Where the servers are that hold settings. Comes from file, environment and flags alone: a source names no source. */
export const sources = z.strictObject({
  consul: z
    .strictObject({
      /** Its value is a YAML document: `cron/config/worker`. Read with `consul.address` and `consul.token`. */
      key: z
        .string()
        .min(1)
        .refine(
          key => !key.startsWith('/') && (!key.startsWith('cron/') || key.startsWith('cron/config/')),
          'must not begin with a slash, and below cron/ be in cron/config/: the rest is what Cronmesh keeps there',
        )
        .optional(),
    })
    .prefault({}),
  nacos: z
    .strictObject({
      /** Servers as `host:port`, of HTTP: gRPC is at the port 1000 above it, as Nacos has it. */
      address: z.preprocess(
        value => (typeof value === 'string' ? value.split(',').filter(Boolean) : value),
        z
          .array(
            z.string().regex(/^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$/, 'must be host:port, such as nacos:8848'),
          )
          .max(16)
          .default([]),
      ),
      /** The id of a namespace. Default: Nacos' own, `public`. */
      namespace: name.default('public'),
      group: name.default('DEFAULT_GROUP'),
      /** Names the document. */
      dataId: name.default('cronmesh'),
      username: z.string().min(1).optional(),
      password: z.string().min(1).optional(),
    })
    .prefault({}),
});
