import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Another version judges otherwise. */
const version = '4.32.5';
const run = promisify(execFile);

/**
 * The program `schemathesis`, in a Python environment of its own that is made, and kept, where it is missing. Needs
 * python3 (3.10 or newer) with venv and pip, and a registry of Python packages that pip reaches.
 *
 * @returns its path, or why there is none
 */
export async function schemathesis(): Promise<{ readonly program: string } | { readonly reason: string }> {
  const folder = join(tmpdir(), `cronmesh-schemathesis-${version}`);
  const program = join(folder, 'bin', 'schemathesis');
  if (existsSync(program)) return { program };
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: 60_000 });
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', `schemathesis==${version}`], { timeout: 300_000 });
    return { program };
  } catch (error) {
    return { reason: `schemathesis can't be installed: ${(error as Error).message.split('\n')[0]}` };
  }
}
