import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** Network namespaces by the names that `ip netns` gives them, and what runs in them. */

/**
 * `ip netns exec` gives a mount namespace of its own: what shared memory
 * killed processes leave (libfaketime's, PostgreSQL's) ends with that and with the IPC namespace.
 */
const enter = 'mount -t tmpfs shm /dev/shm && echo "$0" > /proc/sys/kernel/hostname && exec "$@"';

/** Words that run a command in a namespace, with a host name of its own, as the same process. */
export function inNamespace(namespace: string, hostname: string, command: readonly string[]): string[] {
  return ['ip', 'netns', 'exec', namespace, 'unshare', '--uts', '--ipc', 'sh', '-c', enter, hostname, ...command];
}

/** Every process of a namespace; none where there is no such namespace. */
export function processesIn(namespace: string): number[] {
  let wanted: string;
  try {
    wanted = `net:[${statSync(`/run/netns/${namespace}`).ino}]`;
  } catch {
    return [];
  }
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        return readlinkSync(`/proc/${pid}/ns/net`) === wanted;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Sends a signal to each; those that are gone by now do not matter. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** It is there, is no zombie and is not stopped. */
export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    // The name in brackets may have blanks and brackets itself.
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0];
    return state !== undefined && !'TtZX'.includes(state);
  } catch {
    return false;
  }
}
