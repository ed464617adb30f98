import type { Registry } from 'prom-client';
import type { Worker } from '../worker/worker.ts';

/** A worker's own pages: `/healthz` (the process lives), `/readyz` (it claims; 503 says why not), `/metrics`. */
export function workerHealth(worker: Worker, registry: Registry): (request: Request) => Promise<Response> {
  return async request => {
    switch (new URL(request.url).pathname) {
      case '/healthz':
        return Response.json({ status: 'ok' });
      case '/readyz': {
        const status = worker.status();
        return Response.json(status, { status: status.ready ? 200 : 503 });
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
            detail: 'a worker has /healthz, /readyz and /metrics',
          },
          { status: 404, headers: { 'content-type': 'application/problem+json' } },
        );
    }
  };
}
