import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
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
import type { BackfillView } from '../views.ts';

interface BackfillOptions extends ClientOptions {
  readonly from: string;
  readonly to: string;
  readonly parallelism?: number;
  readonly order?: string;
  readonly all?: true;
  readonly wait?: true;
}

const pollEvery = 1_000;
/** Without an answer for this many looks in a row it is given up. */
const maxTries = 30;

/** `backfill NAME`, `cancel backfill ID`. */
export function addBackfillCommands(program: Command): void {
  clientCommand(program, 'backfill')
    .description('run a job for the ticks of a past range, a few at a time')
    .argument('<job>', 'a name, or namespace/name')
    .requiredOption('--from <instant>', 'the beginning, included, as RFC 3339')
    .requiredOption('--to <instant>', 'the end, not included; not in the future')
    .option('--parallelism <count>', 'so many runs at a time (default: 1)', wholeNumber(1, 100))
    .addOption(new Option('--order <order>', 'which come first (default: OldestFirst)').choices(orders))
    .option('--all', 'ticks that have a run already, too')
    .option('-w, --wait', 'wait for its end; the exit status is 1 unless every run succeeded')
    .action(action(backfill));

  clientCommand(program, 'cancel')
    .description('cancel backfills: what runs goes on, what waits is skipped')
    .argument('<kind>', 'backfill')
    .argument('<id...>', 'ids of backfills')
    .action(action(cancel));
}

const orders = ['OldestFirst', 'NewestFirst'];

async function backfill(name: string, options: BackfillOptions): Promise<void> {
  const client = clientOf(options);
  const { from, to, parallelism, order, all, wait } = options;
  const body = { from, to, parallelism, order, ...(all && { onlyMissing: false }) };
  const made = await client.post<BackfillView>(`${jobPath(jobOf(name, options))}/backfills`, body);
  if (!wait) return print(`backfill ${made.id} requested: ${made.total} ticks\n`);
  const ended = await follow(client, made.id);
  const { succeeded, failed, skipped, leftOut, state } = ended;
  const line = `backfill ${ended.id} ${state}: ${succeeded} succeeded, ${failed} failed, ${skipped} skipped, ${leftOut} left out`;
  if (state !== 'Done' || failed + skipped > 0) throw new CliError(line);
  print(`${line}\n`);
}

async function follow(client: Client, id: string): Promise<BackfillView> {
  for (let tries = 0; ; ) {
    await sleep(pollEvery);
    try {
      const now = await client.get<BackfillView>(`/api/v1/backfills/${encodeURIComponent(id)}`);
      tries = 0;
      if (now.finishedAt !== undefined) return now;
    } catch (error) {
      const refused = error instanceof ApiError && error.httpStatus < 500;
      if (refused || ++tries >= maxTries) throw error;
    }
  }
}

async function cancel(kind: string, ids: readonly string[], options: ClientOptions): Promise<void> {
  if (!/^backfills?$/.test(kind)) {
    throw new CliError(`${JSON.stringify(kind)} cannot be cancelled: cancel backfill ID; runs are ended by kill`, {
      status: 2,
    });
  }
  const client = clientOf(options);
  for (const id of ids) {
    try {
      await client.send('DELETE', `/api/v1/backfills/${encodeURIComponent(id)}`);
      print(`backfill ${id} is cancelled\n`);
    } catch (error) {
      fail(error);
    }
  }
}
