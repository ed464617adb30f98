import type { Command } from 'commander';
import { Option } from 'commander';
import type { Role } from '../../config/schema.ts';
import type { SettingStatus, SourceStatus } from '../../config/status.ts';
import { outputOption } from '../command.ts';
import { formatOne } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';

/** What a program that starts now would work with. */
export interface ConfigReport {
  readonly settings: readonly SettingStatus[];
  readonly sources: readonly SourceStatus[];
}

export interface ConfigOptions {
  readonly config?: string;
  readonly set?: readonly string[];
}

const roles = ['standalone', 'master', 'worker', 'operator'] as const satisfies readonly Role[];

/** Adds `config print`. `read` asks every source, and throws what keeps a program from starting. */
export function addConfigCommands(
  program: Command,
  gather: (value: string, before?: readonly string[]) => readonly string[],
  read: (role: Role, options: ConfigOptions, use: (report: ConfigReport) => void) => Promise<void>,
): void {
  const config = program.command('config').description('settings of the programs');
  config
    .command('print')
    .description('each setting with its value and where it stands; secrets are masked')
    .addOption(new Option('--role <role>', 'of which program').choices(roles).default('standalone'))
    .option('-c, --config <file>', 'settings as YAML')
    .option('--set <setting=value>', 'one setting, stronger than file and environment; as often as needed', gather)
    .addOption(outputOption(['table', 'yaml', 'json']))
    .action(async (options: ConfigOptions & { role: Role; output: 'table' | 'yaml' | 'json' }) => {
      await read(options.role, options, report => {
        const { output } = options;
        process.stdout.write(output === 'table' ? table(report) : formatOne(plain(report), output));
      });
    });
}

function table({ settings, sources }: ConfigReport): string {
  const rows = settings.map(({ path, value, source, live }) => [path, shown(value), source, live ? 'live' : 'restart']);
  const text = formatTable(['SETTING', 'VALUE', 'SOURCE', 'CHANGE'], rows);
  if (sources.length === 0) return text;
  const states = sources.map(({ name, status, reason = '' }) => [name, status, reason]);
  return `${text}\n${formatTable(['SERVER', 'STATUS', 'REASON'], states)}`;
}

function shown(value: unknown): string {
  if (value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** By the settings' names, so that one is found without a search. */
function plain({ settings, sources }: ConfigReport): unknown {
  const entries = settings.map(({ path, value, source, live }) => [path, { value: value ?? null, source, live }]);
  return { settings: Object.fromEntries(entries), sources };
}
