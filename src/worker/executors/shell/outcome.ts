import { existsSync } from 'node:fs';
import type { AttemptResult } from '../../supervisor/protocol.ts';

/** How the main process ended by itself. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** @param limit what the process likely ran into, by its signal */
export function exitResult({ code, signal }: Exit, limit?: string): AttemptResult {
  if (signal !== null) {
    const because = limit === undefined ? '' : `: it likely reached ${limit}`;
    return { outcome: 'Failed', signal, message: `the process was ended by ${signal}${because}` };
  }
  const exitCode = code ?? 0;
  if (exitCode === 0) return { outcome: 'Succeeded', exitCode };
  return { outcome: 'Failed', exitCode, message: `the process exited with status ${exitCode}` };
}

/** Why nothing was started. The system says ENOENT for a missing program and for a missing folder alike. */
export function spawnFailure(error: unknown, file: string, workingDirectory: string | undefined): AttemptResult {
  return { outcome: 'Failed', message: describe(error, file, workingDirectory) };
}

function describe(error: unknown, file: string, workingDirectory: string | undefined): string {
  if (workingDirectory !== undefined && !existsSync(workingDirectory)) {
    return `could not start: the working directory ${workingDirectory} does not exist`;
  }
  const { code, message } = rootCause(error);
  switch (code) {
    case 'ENOENT':
      if (file === 'prlimit' || file === 'setpriv') {
        return `could not start: ${file} was not found; limits and user need it (util-linux) on the worker`;
      }
      return `could not start: ${file} was not found`;
    case 'ENOTDIR':
      return `could not start: ${workingDirectory ?? file} is not a directory`;
    case 'EACCES':
      return `could not start: ${file} may not be executed, or the working directory may not be entered`;
    case 'E2BIG':
      return 'could not start: arguments and environment are too long for the system';
    default:
      return `could not start ${file}: ${message}`;
  }
}

/** The system's own error below what the library wrapped around it. */
function rootCause(error: unknown): { code: string | undefined; message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  if (error.cause instanceof Error) return rootCause(error.cause);
  const { code, message } = error as NodeJS.ErrnoException;
  return { code, message };
}
