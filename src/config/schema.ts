import { hostname } from 'node:os';
import { z } from 'zod';
import { environmentSource } from '../domain/job/secret-sources.ts';
import { processUser } from '../domain/job/shell-process.ts';
import { labels, namespaceName } from '../domain/job/spec/names.ts';
import { type ExecutorKind, executorKinds } from '../domain/job/spec.ts';
import { channel } from './channels.ts';
import { apiTokens, caFile, clientTls, grpcTls, serverTls } from './security.ts';
import { sources } from './sources/schema.ts';

/** Which program reads the configuration: some defaults depend on it. */
export type Role = 'standalone' | 'master' | 'worker' | 'operator';

const defaultPorts = { standalone: 8080, master: 8080, worker: 8081, operator: 8082 } as const satisfies Record<
  Role,
  number
>;

const port = z.coerce.number().int().min(0).max(65_535);
const flag = z.union([z.boolean(), z.stringbool()]);
/** `a=b,c=d` in the environment, a mapping in a file. */
const labelMap = z.preprocess((value, context) => {
  if (typeof value !== 'string') return value;
  const pairs = value.split(',').filter(Boolean);
  if (pairs.every(pair => /^[^=]+=/.test(pair))) {
    return Object.fromEntries(pairs.map(pair => pair.split(/=(.*)/s).slice(0, 2)));
  }
  context.addIssue({ code: 'custom', message: 'must be pairs such as zone=a,disk=ssd' });
  return z.NEVER;
}, labels);
const list = <T extends z.ZodType>(item: T, least = 1) =>
  z.preprocess(
    value => (typeof value === 'string' ? value.split(',').filter(Boolean) : value),
    z.array(item).min(least),
  );
/** In the environment a uid is text as everything is. */
const user = z.preprocess(
  value => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
  processUser,
);
/** Without a slash at its end. */
const baseUrl = z
  .url({ protocol: /^https?$/, message: 'must be an http or https URL' })
  .refine(value => !/[?#]/.test(value), 'must have no query')
  .transform(value => value.replace(/\/+$/, ''));

const lokiAccess = z
  .strictObject({
    url: baseUrl.refine(value => !/^https?:\/\/[^/]*@/.test(value), 'must have no user: see username').optional(),
    /** Of a Loki with several tenants: `X-Scope-OrgID`. */
    tenant: z
      .string()
      .regex(/^[A-Za-z0-9!_.*'()|-]{1,150}$/, "must be up to 150 letters, digits and any of !-_.*'()|")
      .optional(),
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    /** A bearer token, in place of user and password. */
    token: z.string().min(1).optional(),
    /** Masters: whether the output of runs that ended is archived there. The same on all of them. */
    output: flag.default(true),
    /** For an https URL: the CA that it is trusted by. */
    caFile,
  })
  .superRefine(({ username, password, token }, context) => {
    const wrong = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (password !== undefined && username === undefined) wrong('username', 'is missing: password is its password');
    if (token !== undefined && username !== undefined) wrong('token', 'must not be there with username: one of both');
  })
  .prefault({});

const count = (least: number, most: number, usual: number) =>
  z.coerce.number().int().min(least).max(most).default(usual);

/**
 * What one process takes over HTTP at once; the rest is refused with 429 or 503. `reads` … `loopDelayMs`: masters only.
 * In one process the database is, too: more than a few queries at once only hold up the runs.
 */
const httpLimits = (role: Role) =>
  z
    .strictObject({
      /** Connections; above it the one that is idle for longest makes room. */
      connections: count(16, 100_000, 4_000),
      /** How long a request, with its body, may take to arrive, in seconds. */
      requestSeconds: z.coerce.number().min(1).max(3_600).default(30),
      /** Requests that look, and that change something, at once; 16 times as many, 256 at least, wait for up to 5 s. */
      reads: count(1, 10_000, role === 'standalone' ? 4 : 32),
      writes: count(1, 10_000, role === 'standalone' ? 8 : 32),
      /** Followed logs, live pages and logs on their way, in all and of one client address. */
      streams: count(1, 50_000, 1_000),
      streamsPerClient: count(1, 50_000, 250),
      /** When timers come so late, in milliseconds, reads are refused, and writes at twice as much: runs go first. */
      loopDelayMs: z.coerce
        .number()
        .min(10)
        .max(60_000)
        .default(role === 'standalone' ? 1_000 : 2_000),
    })
    .prefault({});

/** What is no JSON stays text, and is refused as such. */
function parseJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function isUrl(value: string): boolean {
  try {
    const { username, password, pathname } = new URL(value);
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/**
 * Every setting, with its default for a role. Strength: flags over environment over Nacos over Consul over file over
 * default. The environment's name of `a.bC` is `CRONMESH_A_B_C`. What is marked `live` acts without a restart: some part
 * of the program subscribes to it. What is marked `secret` is shown nowhere.
 */
export function configSchema(role: Role) {
  return z.strictObject({
    http: z
      .strictObject({
        host: z
          .string()
          .min(1)
          .default(role === 'standalone' ? '127.0.0.1' : '0.0.0.0'),
        port: port.default(defaultPorts[role]),
        /** Where users and servers reach the masters: the base of callback URLs. Default: as the catalog shows them. */
        publicUrl: baseUrl.optional(),
        /** A folder whose files go before those of the page, read at each request: for working on the page. */
        pageOverlay: z.string().min(1).optional(),
        /** Callbacks of http jobs that this master takes a second; each costs a read of Consul and a write. */
        callbacksPerSecond: z.coerce.number().int().min(1).max(100_000).default(200).meta({ live: true }),
        limits: httpLimits(role),
        /** REST, page, health and metrics by https. With `caFile` every client needs a certificate of that CA. */
        tls: serverTls,
      })
      .prefault({}),
    grpc: z
      .strictObject({
        host: z.string().min(1).default('0.0.0.0'),
        port: port.default(9090),
        /** Masters: their certificate and the CA of workers. Workers: theirs and the CA of masters. Both or neither. */
        tls: grpcTls,
      })
      .prefault({}),
    /** Who may use REST. Without tokens everybody who reaches it may do everything. */
    auth: z
      .strictObject({
        /** In the environment: as JSON. */
        tokens: z.preprocess(parseJson, apiTokens).default([]),
        /** A file with a list of the same form, as YAML or JSON; read again when it changes. */
        tokensFile: z.string().min(1).optional(),
        /** Whether `/metrics` of masters needs a token, too. */
        metrics: flag.default(false),
      })
      .prefault({}),
    /** The address under which others reach this process; without it, that of its Consul node. */
    advertise: z.strictObject({ address: z.string().min(1).optional() }).prefault({}),
    consul: z
      .strictObject({
        address: z
          .string()
          .transform(value => (value.includes('://') ? value : `http://${value}`))
          .pipe(z.url({ protocol: /^https?$/, message: 'must be host:port, or an http or https URL' }))
          .default('http://127.0.0.1:8500'),
        token: z.string().min(1).optional(),
        /** A file that holds the token, read at the start. */
        tokenFile: z.string().min(1).optional(),
        /** For an https address: the CA that it is trusted by, and the certificate that it asks for. */
        tls: clientTls,
      })
      .prefault({}),
    database: z
      .strictObject({
        url: z
          .string()
          .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://')
          .refine(isUrl, 'must be a URL such as postgresql://user@host:5432/database; in a password, write %25 for %')
          .optional(),
        poolSize: z.coerce.number().int().min(2).max(100).default(10),
        /** The CA of the server's certificate: connections are by TLS, and its name is checked (sslmode=verify-full). */
        caFile,
      })
      .prefault({}),
    data: z.strictObject({ directory: z.string().min(1).default('data') }).prefault({}),
    worker: z
      .strictObject({
        /** Unique in the cluster. */
        name: z
          .string()
          .regex(
            /^[A-Za-z0-9]([-A-Za-z0-9._]{0,62}[A-Za-z0-9])?$/,
            "must be up to 64 letters, digits, '-', '_' and '.'",
          )
          .optional(),
        labels: labelMap.default({}).meta({ live: true }),
        /** Runs at once. */
        capacity: z.coerce.number().int().min(1).max(100_000).default(100).meta({ live: true }),
        /** Of `module` and `custom` nothing need be said: they come with `worker.modules`. */
        executors: list(z.enum(executorKinds)).default(['shell', 'http']),
        /** Files, folders and packages that define jobs and executors; found from the configuration file's folder. */
        modules: list(z.string().min(1)).default([]),
        /**
         * Whether it may use the Kubernetes API to read what `secretRefs` name; with the kubernetes executor it
         * always does. Who may create a shell job can then use the pod's account.
         */
        kubernetesAccess: flag.default(false),
        shell: z
          .strictObject({
            /** Users (names or uids) that shell jobs may run as; needs a worker that is root. */
            users: list(user, 0).default([]),
          })
          .prefault({}),
        secrets: z
          .strictObject({
            /** Variables of this process that `secretRefs` of any job may name. */
            environment: list(environmentSource.shape.variable, 0).default([]),
            /** A folder whose files `secretRefs` of any job may name. */
            directory: z.string().min(1).optional(),
          })
          .prefault({}),
        /** The masters' base URL for callbacks of http jobs. Default: what a master of the catalog says. */
        callbackUrl: baseUrl.optional(),
        /** Whether http jobs may call loopback, private and link-local addresses. */
        allowPrivateAddresses: flag.default(role === 'standalone'),
        /** How long a stopping worker waits for its runs, in seconds. */
        drainSeconds: z.coerce
          .number()
          .min(0)
          .max(86_400)
          .default(role === 'standalone' ? 5 : 25),
        /** The most that undelivered reports may take on disk, in bytes. */
        spoolLimitBytes: z.coerce
          .number()
          .int()
          .min(1024 * 1024)
          .default(1024 * 1024 * 1024),
      })
      .prefault({}),
    operator: z
      .strictObject({
        /** The Kubernetes namespaces whose CronJob resources are reconciled; none means all, with cluster-wide rights. */
        namespaces: z
          .preprocess(
            value => (typeof value === 'string' ? value.split(',').filter(Boolean) : value),
            z.array(namespaceName),
          )
          .default([]),
        /** The Kubernetes namespace of the operator itself, whose uid tells this cluster from others. Default: its pod's. */
        namespace: namespaceName.optional(),
        /** Everything is compared anew after so long, in seconds. */
        resyncSeconds: z.coerce.number().min(5).max(86_400).default(300),
        /** How long a deleted resource waits for its job to be deleted, in seconds. */
        finalizerTimeoutSeconds: z.coerce.number().min(0).max(86_400).default(60),
      })
      .prefault({}),
    history: z
      .strictObject({
        /** Ended runs, their logs and skips are deleted after this many days. */
        retentionDays: z.coerce.number().min(0.01).max(36_500).default(30).meta({ live: true }),
        /** The most ended runs kept of each job. Default: no bound but the age. */
        runsPerJob: z.coerce.number().int().min(1).max(1_000_000).optional().meta({ live: true }),
        /** The most output kept of each job’s ended runs together, in bytes. Default: no bound but the age. */
        outputBytesPerJob: z.coerce
          .number()
          .int()
          .min(0)
          .max(1024 ** 4)
          .optional()
          .meta({ live: true }),
      })
      .prefault({}),
    notifications: z
      .strictObject({
        /** Where notifications go, by the names that jobs use. In the environment: as JSON. */
        channels: z
          .preprocess(
            parseJson,
            z.record(
              z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be lower-case letters, digits and '-'"),
              channel,
            ),
          )
          .default({}),
      })
      .prefault({}),
    /** What jobs of a namespace may be; `*` for those that are not named. For masters and operator. In the environment: as JSON. */
    namespaces: z
      .preprocess(
        parseJson,
        z.record(
          z.union([z.literal('*'), namespaceName]),
          z.strictObject({ executors: list(z.enum(executorKinds)).optional() }),
        ),
      )
      .default({}),
    metrics: z
      .strictObject({
        /** Workers: so many jobs get series of their own, by name; the others share those of `_other`. */
        perJob: z.coerce.number().int().min(0).max(10_000).default(0),
      })
      .prefault({}),
    /** The most runs that may wait for a worker, delayed ones included; further requests get 429 `TooManyPending`. */
    pending: z
      .strictObject({
        perJob: count(1, 1_000_000, 2_000),
        total: count(1, 1_000_000, 20_000),
      })
      .prefault({}),
    tracing: z
      .strictObject({
        /** Where traces go by OTLP, such as http://127.0.0.1:4318. Default: nowhere. */
        endpoint: z.url({ protocol: /^https?$/, message: 'must be an http or https URL' }).optional(),
      })
      .prefault({}),
    log: z
      .strictObject({
        level: z
          .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
          .default('info')
          .meta({ live: true }),
      })
      .prefault({}),
    logs: z
      .strictObject({
        /** Where the programs' logs and, with `output`, what runs print go as well. */
        loki: lokiAccess,
      })
      .prefault({}),
    /** Servers that hold a YAML document of these settings, followed while the process runs. */
    sources: sources.prefault({}),
  });
}

export type Config = z.output<ReturnType<typeof configSchema>>;

/** The kinds of jobs that a worker runs: those configured, and those that its modules define. */
export function workerExecutors(
  config: Config,
  defined: { readonly jobs: readonly unknown[]; readonly executors: readonly unknown[] },
): readonly ExecutorKind[] {
  const kinds: Record<string, boolean> = { module: defined.jobs.length > 0, custom: defined.executors.length > 0 };
  return executorKinds.filter(kind => kinds[kind] ?? config.worker.executors.includes(kind));
}

/** A worker's name: the one configured, else made so that several on one machine differ by their ports alone. */
export function workerName(config: Config): string {
  return (
    config.worker.name ??
    `${hostname()
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 50)}-${config.http.port}`
  );
}
