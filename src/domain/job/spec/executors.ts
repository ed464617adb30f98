import { z } from 'zod';
import { asynchronous, expectedBody, requestHeaders, requestUrl } from '../http-answer.ts';
import { jsonBytes } from '../json-bytes.ts';
import { moduleNamePattern, moduleNameRule } from '../module-name.ts';
import { processLimits, processUser } from '../shell-process.ts';
import { environmentName, labels } from './names.ts';

/** What is run. */

export const shellExecutor = z
  .strictObject({
    command: z
      .union([z.string().min(1), z.array(z.string()).min(1)])
      .describe('A string runs through the interpreter with -c; a list is run as it is, without a shell.')
      .optional(),
    script: z
      .string()
      .min(1)
      .describe('A script body, written to a private file and run by the interpreter.')
      .optional(),
    interpreter: z.string().min(1).default('/bin/sh').describe('Runs a command given as a string, or a script.'),
    user: processUser
      .describe('Runs it as this user (name or uid), which worker.shell.users must allow; the worker must be root.')
      .optional(),
    limits: processLimits.describe('What its processes may use.').optional(),
    env: z.record(environmentName, z.string()).default({}).describe('Added to the run’s environment.'),
    workingDirectory: z
      .string()
      .startsWith('/', 'must be an absolute path')
      .describe('The folder that the process starts in.')
      .optional(),
    stdin: z.string().describe('Standard input of the process; without it, it is empty.').optional(),
    outputLimitBytes: z
      .int()
      .min(0)
      .max(64 * 1024 * 1024)
      .default(1024 * 1024)
      .describe(
        'Output kept for each of stdout and stderr, in bytes: the first and the last half; the log says what is left out.',
      ),
  })
  .refine(shell => (shell.command === undefined) !== (shell.script === undefined), {
    message: 'exactly one of command and script is needed',
  });

export const httpStatusPattern = z.union([
  z.int().min(100).max(599),
  z.string().regex(/^([1-5]xx|[1-5]\d\d(-[1-5]\d\d)?)$/, 'must be a status (204), a class (2xx) or a range (200-299)'),
]);

export const httpExecutor = z.strictObject({
  url: requestUrl.describe('What is requested. In path and query, $(CRONMESH_RUN) and the like are replaced.'),
  method: z
    .enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    .default('GET')
    .describe('The method of the request.'),
  headers: requestHeaders
    .default({})
    .describe('Headers of the request. $(NAME) of the run’s variables and of secretRefs is replaced.'),
  body: z.string().describe('The body of the request; $(NAME) is replaced as in headers.').optional(),
  expectedStatus: z
    .array(httpStatusPattern)
    .min(1)
    .default(['2xx'])
    .describe('Answers that are a success: statuses (204), classes (2xx) and ranges (200-299).'),
  expectedBody: expectedBody
    .describe('What else makes an answer a success: all that is given must hold for the first 1 MiB of its body.')
    .optional(),
  asynchronous: asynchronous
    .describe('A server that answers 202 says later how it went: by POST to the URL in Cronmesh-Callback-Url.')
    .optional(),
  maxRedirects: z.int().min(0).max(20).default(0).describe('Redirects followed; with 0 a redirect is the answer.'),
  outputLimitBytes: z
    .int()
    .min(0)
    .max(64 * 1024 * 1024)
    .default(64 * 1024)
    .describe('How much of the answer’s body is kept in the log, in bytes: the first and the last half.'),
});

/**
 * A pod template as in a Kubernetes Job: what the cluster's API server judges is not judged here, but what every
 * template needs is.
 */
export const podTemplate = z.looseObject({
  metadata: z
    .looseObject({ labels: labels.optional(), annotations: z.record(z.string(), z.string()).optional() })
    .optional(),
  spec: z.looseObject({
    containers: z.array(z.looseObject({ name: z.string().min(1), image: z.string().min(1) })).min(1),
    restartPolicy: z.enum(['Never', 'OnFailure']).default('Never'),
  }),
});

export const kubernetesExecutor = z.strictObject({
  template: podTemplate.describe('The pod to run, as in a Kubernetes Job: metadata and spec.'),
  backoffLimit: z
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe('How often Kubernetes starts a failed pod again, within the one attempt.'),
  ttlSecondsAfterFinished: z
    .int()
    .min(60)
    .max(2_592_000)
    .default(3_600)
    .describe('How long the ended Job and its pods stay in the cluster.'),
  outputLimitBytes: z
    .int()
    .min(0)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024)
    .describe('Output kept of each container, in bytes; what is beyond is dropped and the log says so.'),
});

/** What a module's job and a third party's executor may be called. */
export const moduleName = z
  .string()
  .max(63, 'must have at most 63 characters')
  .regex(moduleNamePattern, moduleNameRule);

/** The most that a module's input, or a third party's settings, may take as JSON. */
export const maxInputBytes = 64 * 1024;

// Any JSON. Without a type: zod's own `json()` refers to itself, which a custom resource's schema cannot.
const anyJson = z.unknown().refine(value => value === undefined || jsonBytes(value, maxInputBytes) <= maxInputBytes, {
  message: `must be JSON of at most ${maxInputBytes} bytes`,
});

export const moduleExecutor = z.strictObject({
  name: moduleName.describe('The name of a job that a worker’s modules define.'),
  input: anyJson.describe('What its run(context) is given as context.input, checked by its schema.').optional(),
});

export const customExecutor = z.strictObject({
  name: moduleName.describe('The name of an executor that a worker’s modules define.'),
  with: anyJson.describe('What its run(context) is given as context.config, checked by its schema.').optional(),
});

/** Exactly one executor. */
export const executor = z
  .strictObject({
    shell: shellExecutor.describe('Runs a command or a script on a worker.').optional(),
    http: httpExecutor.describe('Sends a request and judges the answer by its status.').optional(),
    kubernetes: kubernetesExecutor.describe('Runs a pod, as a Job of batch/v1.').optional(),
    module: moduleExecutor.describe('Runs a function of a JavaScript module, in a process of its own.').optional(),
    custom: customExecutor.describe('Runs an executor that a module of the worker brings.').optional(),
  })
  .refine(value => Object.values(value).filter(one => one !== undefined).length === 1, {
    message: 'exactly one executor is needed: shell, http, kubernetes, module or custom',
  });
