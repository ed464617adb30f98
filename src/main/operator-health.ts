import type { Registry } from 'prom-client';

export interface OperatorState {
  /** Whether it is the one that reconciles. */
  readonly leading: boolean;
  /** Why it cannot work now. */
  readonly reasons: readonly string[];
}

/** An operator's own pages: `/healthz` (the process lives), `/readyz` (its servers are there; 503 says which is not), `/metrics`. */
export function operatorHealth(
  state: () => OperatorState,
  registry: Registry,
): (request: Request) => Promise<Response> {
  return async request => {
    switch (new URL(request.url).pathname) {
      case '/healthz':
        return Response.json({ status: 'ok' });
      case '/readyz': {
        const { leading, reasons } = state();
        const ready = reasons.length === 0;
        return Response.json({ ready, leading, reasons }, { status: ready ? 200 : 503 });
      }
      case '/metrics':
        return new Response(await registry.metrics(), { headers: { 'content-type': registry.contentType } });
      default:
        return Response.json(
          {
            type: 'about:blank',
            title: 'Not Found',
            status: 404,
            code: 'NotFound',
            detail: 'an operator has /healthz, /readyz and /metrics',
          },
          { status: 404, headers: { 'content-type': 'application/problem+json' } },
        );
    }
  };
}
