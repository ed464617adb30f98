import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { defineExecutor, defineJob } from 'cronmesh/jobs';
import { z } from 'zod';

/** The module that the tests of the executor run: TypeScript, from outside of any package. */

export const tell = defineJob({
  name: 'tell',
  description: 'Prints all that it is told.',
  input: z.object({ whom: z.string().min(2), times: z.number().default(1) }),
  async run({ input, job, run, attempt, tick, shard, arguments: given, env, fencingToken, progress, log }) {
    const whom: string = input.whom;
    const secret = env.SECRET ?? '';
    log.info(JSON.stringify({ whom, times: input.times, job, attempt, tick, shard, given, fencingToken, secret }));
    log.warn('a warning');
    // biome-ignore lint/suspicious/noConsole: what a module may use
    console.log(`of ${env.CRONMESH_RUN === run ? 'its own' : 'another'} run`);
    progress(25, 'a quarter');
    progress(50);
    return { message: `told ${whom}` };
  },
});

export const plain = defineJob({ name: 'plain', run: async ({ input }) => `got ${JSON.stringify(input)}` });

export const fails = defineJob({
  name: 'fails',
  input: z.enum(['throw', 'text', 'exit', 'signal', 'rejection', 'late', 'nothing']),
  async run({ input }) {
    switch (input) {
      case 'throw':
        throw new Error('the shelf is empty', { cause: new Error('nobody filled it') });
      case 'text':
        throw 'a text';
      case 'exit':
        process.exit(7);
        break;
      case 'signal':
        process.kill(process.pid, 'SIGSEGV');
        await delay(10_000);
        break;
      case 'rejection':
        void Promise.reject(new Error('nobody waits for me'));
        await delay(10_000);
        break;
      case 'late':
        setTimeout(() => {
          throw new Error('out of nowhere');
        });
        await delay(10_000);
        break;
      case 'nothing':
        process.exit(0);
    }
  },
});

export const waits = defineJob({
  name: 'waits',
  input: z.object({ stubborn: z.boolean().default(false), child: z.boolean().default(false) }).prefault({}),
  async run({ input, signal, log }) {
    if (input.child) spawn('sleep', ['1000'], { stdio: 'ignore' }).unref();
    log.info('waiting');
    if (!signal.aborted) await once(signal, 'abort');
    log.info(`aborted: ${(signal.reason as Error).name}`);
    if (input.stubborn) await delay(60_000);
  },
});

export const background = defineJob({
  name: 'background',
  async run() {
    spawn('sleep', ['1000'], { stdio: 'inherit', detached: true }).unref();
  },
});

export const drop = defineExecutor({
  name: 'drop',
  config: z.strictObject({ folder: z.string(), size: z.coerce.number().optional() }),
  run: ({ config, job }) => `dropped ${job.name} in ${config.folder}`,
});
