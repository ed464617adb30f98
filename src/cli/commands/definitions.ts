import type { Command } from 'commander';
import { calendarsFirst } from '../apply/apply-documents.ts';
import { pathOf } from '../apply/plan.ts';
import { action, type ClientOptions, clientCommand, clientOf, fail, jobOf, jobPath, print } from '../command.ts';
import { ApiError, CliError } from '../errors.ts';
import { readManifests } from '../manifests/read.ts';
import { type FilenameOptions, recursiveOption } from './file-options.ts';

/** Commands that change jobs that are there: delete, suspend, resume. */
export function addDefinitionCommands(program: Command): void {
  clientCommand(program, 'delete')
    .description(
      'delete jobs, or calendars that no job names (delete calendar NAME); a job’s history stays for its time, and what runs goes on',
    )
    .argument('[job...]', 'names, or namespace/name')
    .option('-f, --filename <path...>', 'manifests that name the jobs')
    .addOption(recursiveOption())
    .option('--ignore-not-found', 'a job that is not there counts as deleted')
    .action(action(deleteJobs));

  for (const [verb, done, description] of [
    ['suspend', 'suspended', 'stop jobs from firing; what runs goes on'],
    ['resume', 'resumed', 'let jobs fire again, from now on'],
  ] as const) {
    clientCommand(program, verb)
      .description(description)
      .argument('<job...>', 'names, or namespace/name')
      .action(
        action(async (names: string[], options: ClientOptions) => {
          const client = clientOf(options);
          for (const job of withoutKind(names).map(name => jobOf(name, options))) {
            await attempt(async () => {
              await client.post(`${jobPath(job)}/${verb}`);
              print(`job ${job.namespace}/${job.name} ${done}\n`);
            });
          }
        }),
      );
  }
}

async function deleteJobs(
  names: string[],
  options: ClientOptions & Partial<FilenameOptions> & { ignoreNotFound?: true },
): Promise<void> {
  const kind = names.length > 1 && /^calendars?$/.test(names[0] ?? '') ? 'calendar' : 'job';
  const given = kind === 'calendar' ? names.slice(1) : withoutKind(names);
  const named = given.map(name => ({ kind, ...jobOf(name, options) }) as const);
  const { filename, recursive, namespace } = options;
  const listed = filename ? await readManifests(filename, { namespace, recursive }) : [];
  if (named.length + listed.length === 0) throw new CliError('delete needs a job, or -f', { status: 2 });
  const client = clientOf(options);
  // Jobs before the calendars that they name.
  const found = [...named, ...calendarsFirst(listed).toReversed().flat()];
  for (const one of found) {
    await attempt(async () => {
      try {
        await client.send('DELETE', pathOf(one));
      } catch (error) {
        const gone = error instanceof ApiError && error.code === 'NotFound';
        if (!gone || !options.ignoreNotFound) throw error;
      }
      print(`${one.kind} ${one.namespace}/${one.name} deleted\n`);
    });
  }
}

/** `delete job backup` is what users of kubectl type. */
function withoutKind(names: readonly string[]): readonly string[] {
  return names.length > 1 && /^jobs?$/.test(names[0] ?? '') ? names.slice(1) : names;
}

/** One job's failure does not keep the next from its turn. */
async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    fail(error);
  }
}
