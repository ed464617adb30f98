import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShellExecutorSpec } from '../../../domain/job/spec.ts';
import { shellCommand } from '../../../domain/run/command.ts';
import type { Identity } from './identity.ts';

/** A program and its arguments, and what is to be taken away when it has ended. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  dispose(): Promise<void>;
}

const nothing = async (): Promise<void> => {};

/** A command that needs no preparation; undefined for a script. `added`: what was asked for with the run. */
export function plainCommand(spec: ShellExecutorSpec, added: readonly string[] = []): Command | undefined {
  if (spec.command === undefined) return undefined;
  return { ...split(shellCommand(spec, added)), dispose: nothing };
}

/**
 * Writes a script's body to a folder that nobody but its user can read.
 *
 * @throws when the temporary folder cannot be written
 */
export async function scriptCommand(
  spec: ShellExecutorSpec,
  added: readonly string[] = [],
  identity?: Identity,
): Promise<Command> {
  const folder = await mkdtemp(join(tmpdir(), 'cronmesh-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true }).catch(() => {});
  try {
    const path = join(folder, 'script');
    await writeFile(path, spec.script ?? '', { mode: 0o700 });
    if (identity) for (const one of [path, folder]) await chown(one, identity.uid, identity.gid);
    return { ...split(shellCommand(spec, added, path)), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function split([file = '', ...args]: readonly string[]): Pick<Command, 'file' | 'args'> {
  return { file, args };
}
