import { Command } from 'commander';
import type { Role } from '../config/schema.ts';
import { addApplyCommands } from './commands/apply.ts';
import { addBackfillCommands } from './commands/backfills.ts';
import { addBackupCommands, type BackupPrograms } from './commands/backup.ts';
import { addBrakeCommands } from './commands/brakes.ts';
import { addCalendarCommands } from './commands/calendar.ts';
import { addConfigCommands, type ConfigOptions, type ConfigReport } from './commands/config.ts';
import { addCrontabCommands } from './commands/crontab.ts';
import { addDefinitionCommands } from './commands/definitions.ts';
import { addDescribeCommand } from './commands/describe.ts';
import { addDiffCommand } from './commands/diff.ts';
import { addGetCommand } from './commands/get.ts';
import { addNextCommand } from './commands/next.ts';
import { addRunCommands } from './commands/runs.ts';
import { addTriggerCommand } from './commands/trigger.ts';

const programs = {
  standalone: 'run everything in one process, with an embedded database',
  master: 'run a master: REST API, page, gRPC, accounting',
  worker: 'run a worker: claims ticks and runs them',
  operator: 'make jobs of CronJob resources in Kubernetes, and tell their status',
  migrate: 'bring the database to this version’s schema',
} as const;

export type ProgramName = keyof typeof programs;

export interface StartOptions {
  /** A file of settings. */
  readonly config?: string;
  /** Single settings: `worker.capacity=20`. */
  readonly set?: readonly string[];
  /** Of the operator: take the finalizers off all resources, and end. */
  readonly releaseFinalizers?: boolean;
}

export interface ProgramOptions extends BackupPrograms {
  readonly version: string;
  /** The programs themselves; each reports its own errors. */
  readonly programs: Readonly<Record<ProgramName, (options: StartOptions) => Promise<void>>>;
  /** Gives the configuration that a program would start with; reports its own errors. */
  readonly readConfig: (role: Role, options: ConfigOptions, use: (report: ConfigReport) => void) => Promise<void>;
}

const gather = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/**
 * The command line: the programs, and the commands that talk to a server. Exit status: 0 done, 1 failed, 2 bad usage
 * or input. Output that nobody reads any more (`| head`) ends it in silence.
 *
 * @example await buildProgram({ version, programs }).parseAsync()
 */
export function buildProgram(options: ProgramOptions): Command {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  const program = new Command('cronmesh')
    .description('A crontab for a whole cluster.')
    .version(options.version)
    .showSuggestionAfterError()
    // Commander's own status for a wrong usage is 1.
    .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'cronmesh: ')) });

  for (const name of Object.keys(programs) as ProgramName[]) {
    const command = program
      .command(name)
      .description(programs[name])
      .option('-c, --config <file>', 'settings as YAML; each can also be given by environment (CRONMESH_HTTP_PORT)')
      .helpGroup('Programs:')
      .option('--set <setting=value>', 'one setting, stronger than file and environment; as often as needed', gather)
      .action(options.programs[name]);
    if (name === 'operator') {
      command.option('--release-finalizers', 'take the finalizers off all resources, so that they can go, and end');
    }
  }
  program.commandsGroup('Commands:');
  addApplyCommands(program);
  addDiffCommand(program);
  addDefinitionCommands(program);
  addGetCommand(program);
  addDescribeCommand(program);
  addTriggerCommand(program);
  addRunCommands(program);
  addBrakeCommands(program);
  addBackfillCommands(program);
  addCrontabCommands(program);
  addCalendarCommands(program);
  addBackupCommands(program, gather, options);
  addNextCommand(program);
  addConfigCommands(program, gather, options.readConfig);
  return program;
}
