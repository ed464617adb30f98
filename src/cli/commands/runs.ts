import type { Command } from 'commander';
import type { Client } from '../client.ts';
import {
  action,
  type ClientOptions,
  clientCommand,
  clientOf,
  fail,
  jobOf,
  jobPath,
  print,
  wholeNumber,
} from '../command.ts';
import { ApiError, CliError } from '../errors.ts';
import { followRun } from '../follow.ts';
import type { Page, RunView } from '../views.ts';

/** Commands about runs: kill, logs. */
export function addRunCommands(program: Command): void {
  clientCommand(program, 'kill')
    .description('end runs, with everything that they started; a delayed one never starts')
    .argument('<run...>', 'ids of runs')
    .action(
      action(async (ids: string[], options: ClientOptions) => {
        const client = clientOf(options);
        for (const id of ids) {
          try {
            const run = await client.post<RunView>(`/api/v1/runs/${encodeURIComponent(id)}/kill`);
            print(`run ${id} is ${run.state === 'Skipped' ? 'cancelled' : 'being ended'}\n`);
          } catch (error) {
            fail(error);
          }
        }
      }),
    );

  clientCommand(program, 'logs')
    .description('show what a run printed')
    .argument('<run>', 'a run’s id, or a job’s name for its newest run')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--attempt <number>', 'of this attempt only', wholeNumber(1, 1_000_000))
    .action(action(logs));
}

async function logs(reference: string, options: ClientOptions & { follow?: true; attempt?: number }): Promise<void> {
  const client = clientOf(options);
  const { id } = await findRun(client, reference, options);
  const { attempt } = options;
  if (options.follow) {
    await followRun(client, id, print, attempt === undefined ? {} : { attempt });
  } else {
    for await (const text of client.text(`/api/v1/runs/${encodeURIComponent(id)}/logs`, { attempt })) print(text);
  }
}

/** The run of that id, else the newest of the job of that name. */
async function findRun(client: Client, reference: string, options: ClientOptions): Promise<RunView> {
  if (!reference.includes('/')) {
    try {
      return await client.get<RunView>(`/api/v1/runs/${encodeURIComponent(reference)}`);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'NotFound') throw error;
    }
  }
  const job = jobOf(reference, options);
  try {
    // A delayed run that is not due yet has nothing to show.
    const until = new Date().toISOString();
    const { items } = await client.get<Page<RunView>>(`${jobPath(job)}/runs`, { limit: 1, until });
    if (items[0]) return items[0];
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'NotFound') throw error;
    throw new CliError(`there is neither a run ${reference} nor a job ${job.namespace}/${job.name}`, { cause: error });
  }
  throw new CliError(`the job ${job.namespace}/${job.name} has no runs yet`);
}
