import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HostRequest } from './protocol.ts';

/** The host's program: beside this file's tree, TypeScript in a checkout and JavaScript in a build. */
const program = fileURLToPath(
  new URL(`../../main/module-host${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

/** Starts a module host in a session and a group of its own, and gives it its request. */
export function forkHost(request: HostRequest, env: Readonly<Record<string, string>>): ChildProcess {
  const child = fork(program, [], {
    detached: true,
    env: { ...env },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  // One that can't be sent is not told from a host that died: its end is seen in any case.
  child.send(request, () => {});
  return child;
}
