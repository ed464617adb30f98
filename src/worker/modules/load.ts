import { once } from 'node:events';
import type { Milliseconds } from '../../domain/time.ts';
import { supervisorEnvironment } from '../executors/environment.ts';
import type { ModuleCatalog } from './catalog.ts';
import { forkHost } from './fork.ts';
import type { HostMessage } from './protocol.ts';

/** How long modules may take to load, all together. */
const loadWithin: Milliseconds = 30_000;

/** Modules that can't be used: one line. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError';
}

/**
 * Loads modules in a process of their own, and tells what they define.
 *
 * @param specifiers files, folders and packages, as configured
 * @param base the folder from which they are found
 * @throws ModuleError when one can't be loaded, or a name is there twice
 */
export async function loadModules(specifiers: readonly string[], base: string): Promise<ModuleCatalog> {
  const host = forkHost({ type: 'list', base, specifiers }, supervisorEnvironment(process.env, { kubernetes: false }));
  let printed = '';
  for (const stream of [host.stdout, host.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(0, 2_000);
    });
  }
  let answer: HostMessage | undefined;
  host.on('message', message => {
    answer = message as HostMessage;
  });
  const timer = setTimeout(() => host.kill('SIGKILL'), loadWithin);
  try {
    const [code, signal] = await once(host, 'close');
    if (answer?.type === 'listed') return answer.catalog;
    if (answer?.type === 'unusable') throw new ModuleError(`worker.modules: ${answer.why}`);
    const how =
      signal === 'SIGKILL'
        ? `were not loaded within ${loadWithin / 1_000} s`
        : `ended with ${signal ?? `status ${code}`}`;
    const [line] = printed.trim().split('\n').slice(-1);
    throw new ModuleError(`worker.modules: ${specifiers.join(', ')} ${how}${line ? `: ${line}` : ''}`);
  } finally {
    clearTimeout(timer);
  }
}
