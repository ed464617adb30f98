import type { ProcessLimits } from '../../../domain/job/shell-process.ts';
import type { Command } from './command.ts';
import type { Identity } from './identity.ts';

type Program = Pick<Command, 'file' | 'args'>;

const options = {
  cpuSeconds: 'cpu',
  memoryBytes: 'as',
  openFiles: 'nofile',
  processes: 'nproc',
  fileBytes: 'fsize',
} as const satisfies Record<keyof ProcessLimits, string>;

/** As prlimit calls them in its messages. */
const resources: Readonly<Record<string, keyof ProcessLimits>> = {
  CPU: 'cpuSeconds',
  AS: 'memoryBytes',
  NOFILE: 'openFiles',
  NPROC: 'processes',
  FSIZE: 'fileBytes',
};

/**
 * The program behind `prlimit` and `setpriv` (util-linux), each of which sets what it is asked for on itself and then
 * becomes the next: so the program never exists without its limits. Limits come first, since only root may raise them.
 */
export function wrap(program: Program, limits: ProcessLimits | undefined, identity: Identity | undefined): Program {
  return withLimits(withIdentity(program, identity), limits);
}

function withIdentity(program: Program, identity: Identity | undefined): Program {
  if (identity === undefined) return program;
  const become = [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, '--init-groups', '--inh-caps=-all'];
  return { file: 'setpriv', args: [...become, '--', program.file, ...program.args] };
}

function withLimits(program: Program, limits: ProcessLimits | undefined): Program {
  const set = Object.entries(options).flatMap(([name, option]) => {
    const value = limits?.[name as keyof ProcessLimits];
    if (value === undefined) return [];
    // At a hard limit that is the same, the kernel would send KILL at once, and nobody would know why.
    return [`--${option}=${value}:${name === 'cpuSeconds' ? value + 1 : value}`];
  });
  return set.length === 0 ? program : { file: 'prlimit', args: [...set, '--', program.file, ...program.args] };
}

/** What a limit cannot do here; undefined when all can be tried. */
export function limitProblem(limits: ProcessLimits | undefined, identity: Identity | undefined): string | undefined {
  const uid = identity?.uid ?? process.getuid?.();
  if (limits?.processes === undefined || uid !== 0) return undefined;
  return 'limits.processes could not be applied: the system does not count the processes of root; name a user';
}

/**
 * Why a wrapper did not come to be the program; undefined when the program itself ended so.
 *
 * @param stderr what was printed first
 */
export function wrapperFailure(program: Program, exitCode: number | null, stderr: string): string | undefined {
  if (program.file !== 'prlimit' && program.file !== 'setpriv') return undefined;
  const line = /^(?:prlimit|setpriv): .*/.exec(stderr)?.[0];
  if (line === undefined || exitCode === null || ![1, 126, 127].includes(exitCode)) return undefined;
  const resource = resources[/ the (\w+) resource limit/.exec(line)?.[1] ?? ''];
  return resource === undefined ? `could not start: ${line}` : `limits.${resource} could not be applied: ${line}`;
}

/** Of a process that was ended by this signal: the limit that it likely ran into. */
export function limitOf(signal: NodeJS.Signals | null, limits: ProcessLimits | undefined): string | undefined {
  if (signal === 'SIGXCPU' && limits?.cpuSeconds !== undefined) return `limits.cpuSeconds of ${limits.cpuSeconds}`;
  if (signal === 'SIGXFSZ' && limits?.fileBytes !== undefined) return `limits.fileBytes of ${limits.fileBytes}`;
  return undefined;
}
