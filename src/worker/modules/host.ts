import { listModules } from './list.ts';
import type { HostMessage, HostRequest } from './protocol.ts';
import { resolveForModules } from './resolve.ts';
import { failureOf, runDefinition } from './run.ts';

/** Says the last word, and ends the process once it has left. Whatever the module left running ends with it. */
function end(message: HostMessage, status: number): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => process.exit(status));
  else process.exit(status);
}

/**
 * Makes this process a module host: serves the one request that comes over its channel, then ends. A TERM aborts the
 * run's signal; who sent it sends KILL when the run does not end within its grace.
 */
export function runModuleHost(): void {
  const stop = new AbortController();
  const abort = () => stop.abort(new DOMException('the run is being ended', 'AbortError'));
  process.on('SIGTERM', abort);
  // A worker's group may get these from its terminal; what they mean, the worker says.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  // Its supervisor is gone, and so is whoever would hear of the run.
  process.once('disconnect', () => process.exit(1));
  process.once('message', message => void serve(message as HostRequest, stop.signal));
}

async function serve(request: HostRequest, signal: AbortSignal): Promise<void> {
  resolveForModules(request.base);
  if (request.type === 'run') {
    // What is thrown beside the run's own promise ends it as well.
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, error =>
        end(failureOf(error, event === 'unhandledRejection' ? 'unhandled rejection: ' : ''), 1),
      );
    }
    try {
      const message = await runDefinition(request, signal);
      end({ type: 'succeeded', ...(message !== undefined && { message }) }, 0);
    } catch (error) {
      end(failureOf(error, ''), 1);
    }
    return;
  }
  try {
    end({ type: 'listed', catalog: await listModules(request.specifiers, request.base) }, 0);
  } catch (error) {
    end({ type: 'unusable', why: (error as Error).message }, 0);
  }
}
