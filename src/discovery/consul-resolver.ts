import { experimental, Metadata, status } from '@grpc/grpc-js';
import type { Coordinator } from '../coordination/coordinator.ts';
import { watchService } from '../coordination/watch.ts';
import { endpointsOf } from './endpoints.ts';

type Endpoint = experimental.Endpoint;
type Listener = experimental.ResolverListener;

/**
 * Makes `consul:///<service>` a target for every gRPC channel of this process: connections to all passing instances,
 * calls in turn, changes of the catalog followed as they come. When the coordinator does not answer, the last known
 * instances stay; when no instance is passing, calls fail (or wait, with waitForReady) until one is.
 *
 * The resolver interface of grpc-js is marked experimental: `consul-resolver.contract.test.ts` holds what is used of it.
 *
 * @example
 * registerConsulResolver(coordinator);
 * new ReportServiceClient('consul:///cronmesh-master', credentials.createInsecure());
 */
export function registerConsulResolver(coordinator: Coordinator): void {
  experimental.registerResolver(
    'consul',
    class extends ConsulResolver {
      constructor(target: experimental.GrpcUri, listener: Listener) {
        super(coordinator, target, listener);
      }
      static getDefaultAuthority(target: experimental.GrpcUri): string {
        return target.path;
      }
    },
  );
}

class ConsulResolver implements experimental.Resolver {
  readonly #coordinator: Coordinator;
  readonly #service: string;
  readonly #listener: Listener;
  #watching: AbortController | undefined;
  /** The set that was told last, as text. */
  #told: string | undefined;

  constructor(coordinator: Coordinator, target: experimental.GrpcUri, listener: Listener) {
    this.#coordinator = coordinator;
    this.#service = target.path;
    this.#listener = listener;
  }

  /** Starts to follow the catalog. Later calls change nothing: what there is to know is told at once anyway. */
  updateResolution(): void {
    if (this.#watching) return;
    const watching = new AbortController();
    this.#watching = watching;
    const { signal } = watching;
    void watchService(this.#coordinator, this.#service, {
      signal,
      onChange: instances => {
        if (!signal.aborted) this.#tell(endpointsOf(instances));
      },
      onError: error => {
        // Before the first answer a call must not hang without a reason; after it, the last known set is the best guess.
        if (!signal.aborted && this.#told === undefined) this.#fail(`the catalog did not answer: ${messageOf(error)}`);
      },
    });
  }

  destroy(): void {
    this.#watching?.abort();
    this.#watching = undefined;
    this.#told = undefined;
  }

  #tell(endpoints: Endpoint[]): void {
    const set = endpoints.map(experimental.endpointToString).join();
    if (set === this.#told) return;
    this.#told = set;
    this.#listener(experimental.statusOrFromValue(endpoints), {}, roundRobin, '');
    // With an empty list alone round_robin is idle and lets calls hang; an error after it makes them fail.
    if (endpoints.length === 0) this.#fail(`no instance of ${this.#service} is passing its checks`);
  }

  #fail(details: string): void {
    const error = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
    this.#listener(experimental.statusOrFromError(error), {}, roundRobin, '');
  }
}

const roundRobin = experimental.statusOrFromValue({ loadBalancingConfig: [{ round_robin: {} }], methodConfig: [] });

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
