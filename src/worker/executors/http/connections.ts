import type { Agent, buildConnector, request } from 'undici';
import { checkLiteral, createGuardedLookup } from './guard.ts';

export interface Connections {
  /** Refuses a URL whose host is an address that may not be called. @throws PrivateAddressError */
  check(url: URL): void;
  /** The library, loaded when the first request needs it: a worker that only runs commands never pays for it. */
  open(): Promise<{ readonly request: typeof request; readonly agent: Agent }>;
}

/**
 * Where requests go out. Each has a connection of its own: none is kept, so none can turn out stale under a request
 * that must not be sent twice.
 */
export function createConnections(options: { readonly allowPrivateAddresses: boolean }): Connections {
  const guarded = !options.allowPrivateAddresses;
  const connect = guarded ? ({ lookup: createGuardedLookup() } as buildConnector.BuildOptions) : {};
  let opened: ReturnType<Connections['open']> | undefined;
  return {
    check(url) {
      if (guarded) checkLiteral(url.hostname);
    },
    open() {
      opened ??= import('undici').then(undici => ({
        request: undici.request,
        agent: new undici.Agent({ pipelining: 0, connect }),
      }));
      return opened;
    },
  };
}
