import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { parseDuration } from '../../domain/schedule/duration.ts';
import { formatInstant } from '../../domain/time.ts';
import type { Client } from '../client.ts';
import { action, type ClientOptions, clientCommand, clientOf, print } from '../command.ts';
import { CliError } from '../errors.ts';
import type { WorkerView } from '../views.ts';

interface ScopeOptions extends ClientOptions {
  readonly all?: true;
}

/** How often a draining worker is asked about. */
const askEvery = 1_000;

/** `freeze`, `thaw`, `cordon`, `uncordon`, `drain`. */
export function addBrakeCommands(program: Command): void {
  clientCommand(program, 'freeze')
    .description('let nothing of a namespace, or of anything, start by itself: its ticks are skipped')
    .option('--all', 'everything, not one namespace')
    .requiredOption('--reason <text>', 'why, for whoever finds it')
    .option('--for <duration>', 'it ends by itself after that: 90s, 2h, 1d')
    .addOption(new Option('--until <instant>', 'it ends by itself then, as RFC 3339').conflicts('for'))
    .action(action(freeze));

  clientCommand(program, 'thaw')
    .description('end a freeze; what was due meanwhile is not made up for')
    .option('--all', 'the freeze of everything, not that of one namespace')
    .action(
      action(async (options: ScopeOptions) => {
        const { status } = await clientOf(options).send('DELETE', pathOf(options));
        print(`${nameOf(options)} is ${status === 202 ? `to be thawed: ${notYet}` : 'thawed'}\n`);
      }),
    );

  for (const what of ['cordon', 'drain'] as const) {
    clientCommand(program, what)
      .description(
        what === 'cordon'
          ? 'let a worker take no more work; its runs go on'
          : 'as cordon; runs that go on without their worker (kubernetes) are handed over at once',
      )
      .argument('<worker>', 'its name')
      .option('--reason <text>', 'why, for whoever finds it')
      .option('-w, --wait', 'until it runs nothing any more')
      .action(
        action(async (name: string, options: ClientOptions & { reason?: string; wait?: true }) => {
          const client = clientOf(options);
          const { reason } = options;
          await client.send('POST', workerPath(name, what), { body: reason === undefined ? {} : { reason } });
          if (options.wait) await untilIdle(client, name);
          const done = what === 'cordon' ? 'cordoned' : 'drained';
          print(`worker ${name} is ${options.wait ? `${done}, and runs nothing` : `being ${done}`}\n`);
        }),
      );
  }

  clientCommand(program, 'uncordon')
    .description('let a worker take work again')
    .argument('<worker>', 'its name')
    .action(
      action(async (name: string, options: ClientOptions) => {
        await clientOf(options).send('POST', workerPath(name, 'uncordon'));
        print(`worker ${name} is uncordoned\n`);
      }),
    );
}

const notYet = 'accepted, and not in force yet: Consul could not be told, which is tried on';

async function freeze(options: ScopeOptions & { reason: string; for?: string; until?: string }): Promise<void> {
  const { reason } = options;
  const until = options.for === undefined ? options.until : after(options.for);
  const body = { reason, ...(until !== undefined && { until }) };
  const { status } = await clientOf(options).send('POST', pathOf(options), { body });
  const end = until === undefined ? '' : ` until ${until}`;
  print(`${nameOf(options)} is ${status === 202 ? `to be frozen${end}: ${notYet}` : `frozen${end}`}\n`);
}

function after(text: string): string {
  const duration = parseDuration(text);
  if (duration !== undefined) return formatInstant(Date.now() + duration);
  throw new CliError(`--for ${JSON.stringify(text)} is no duration: give one such as 90s, 2h, 1d`, { status: 2 });
}

function pathOf({ all, namespace }: ScopeOptions): string {
  if (all === undefined) return `/api/v1/namespaces/${encodeURIComponent(namespace ?? 'default')}/freeze`;
  if (namespace === undefined) return '/api/v1/freeze';
  throw new CliError('--all is everything: leave out --namespace', { status: 2 });
}

const nameOf = ({ all, namespace = 'default' }: ScopeOptions): string =>
  all === undefined ? `the namespace ${namespace}` : 'everything';

const workerPath = (name: string, what: string): string => `/api/v1/workers/${encodeURIComponent(name)}/${what}`;

/** Until the worker itself says so; one that has left the catalog runs nothing. */
async function untilIdle(client: Client, name: string): Promise<void> {
  for (;;) {
    const { items } = await client.get<{ items: WorkerView[] }>('/api/v1/workers');
    const workers = items.filter(worker => worker.name === name);
    if (workers.every(worker => worker.idle)) return;
    if (workers.some(worker => worker.cordon === undefined)) {
      throw new CliError(`worker ${name} was uncordoned by somebody meanwhile`);
    }
    await delay(askEvery);
  }
}
