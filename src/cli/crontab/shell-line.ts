import type { ShellExecutorSpec } from '../../domain/job/spec.ts';
import { joinCommand } from './percent.ts';

/** What a crontab line needs: its command, and the `SHELL` above it. */
export interface ShellLine {
  readonly command: string;
  readonly shell: string;
}

const bourne = /(^|\/)(sh|bash|dash|ksh|zsh)$/;

/**
 * Writes a shell executor as a crontab's command.
 *
 * @param shared variables that stand at the top of the crontab
 * @throws Error that says what cannot be expressed
 */
export function toShellLine(spec: ShellExecutorSpec, shared: ReadonlyMap<string, string>): ShellLine {
  if (spec.command === undefined)
    throw new Error('a script cannot be expressed: a crontab has commands of one line only');
  const variables = Object.entries(spec.env)
    .filter(([name, value]) => shared.get(name) !== value && !(name === 'SHELL' && value === spec.interpreter))
    .map(([name, value]) => `${name}=${quote(value)}`);
  const folder = spec.workingDirectory === shared.get('HOME') ? undefined : spec.workingDirectory;
  const entering = folder === undefined ? '' : `cd ${quote(folder)} || exit 1; `;

  const line = ((): ShellLine => {
    const list = typeof spec.command === 'string' ? undefined : spec.command;
    const text = typeof spec.command === 'string' ? spec.command : '';
    if (!list && variables.length === 0 && (folder === undefined || bourne.test(spec.interpreter))) {
      return { command: `${entering}${text}`, shell: spec.interpreter };
    }
    const words = list ?? [spec.interpreter, '-c', text];
    const program = [...(variables.length > 0 ? ['env', ...variables] : []), ...words.map(quote)].join(' ');
    return { command: `${entering}${program}`, shell: '/bin/sh' };
  })();

  const { stdin } = spec;
  const command = joinCommand({ command: line.command, ...(stdin !== undefined && { stdin }) });
  if (command === undefined) {
    throw new Error('cannot be expressed: it has a line end, or a backslash before a percent sign or a line end');
  }
  return { command, shell: line.shell };
}

/** A word for the shell, quoted only where it must be. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
