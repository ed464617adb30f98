import { CronmeshError } from '../domain/errors.ts';
import type { ManifestInput } from '../domain/job/spec.ts';
import { validateManifest } from '../domain/job/validate.ts';
import type { JobService } from '../master/services/jobs.ts';
import type { Logger } from '../observability/logger.ts';

/** A few jobs that a newcomer can watch, made once, when the database is new. */
export async function seed(jobs: JobService, server: string, logger: Logger): Promise<void> {
  let count = 0;
  for (const input of manifests(server)) {
    try {
      await jobs.create(validateManifest(input), 'seed');
      count++;
    } catch (error) {
      if (!(error instanceof CronmeshError) || error.code !== 'Forbidden') throw error;
      logger.warn({ job: input.metadata.name, reason: error.message }, 'an example is left out');
    }
  }
  logger.info({ count }, 'first start: made a few jobs to look at');
}

function manifests(server: string): ManifestInput[] {
  const metadata = (name: string, description: string) => ({
    name,
    labels: { example: 'true' },
    annotations: { description },
  });
  return [
    {
      metadata: metadata('hello', 'Says hello every five seconds.'),
      spec: {
        schedule: '*/5 * * * * *',
        executor: { shell: { command: 'echo "Hello from run $CRONMESH_RUN, due at $CRONMESH_TICK"' } },
      },
    },
    {
      metadata: metadata('health', 'Asks this server every fifteen seconds whether it is ready.'),
      spec: { schedule: '*/15 * * * * *', timeoutSeconds: 5, executor: { http: { url: `${server}/readyz` } } },
    },
    {
      metadata: metadata('slow', 'Takes twelve seconds, is due every five, and never overlaps: look at its skips.'),
      spec: {
        schedule: '*/5 * * * * *',
        concurrencyPolicy: 'Forbid',
        executor: { shell: { command: 'for i in 1 2 3 4; do echo "step $i of 4"; sleep 3; done' } },
      },
    },
    {
      metadata: metadata('disk', 'How full the disk is, each minute.'),
      spec: { schedule: '* * * * *', executor: { shell: { command: ['df', '-h', '/'] } } },
    },
    {
      metadata: metadata('by-hand', 'Never runs by itself: trigger it.'),
      spec: { schedule: '@manually', executor: { shell: { command: 'echo "You asked for this one."; date' } } },
    },
  ];
}
