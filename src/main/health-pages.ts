import type { Registry } from 'prom-client';
import { metricsPage } from '../observability/metrics-page.ts';

export interface HealthPagesOptions {
  /** Whose pages they are, for the answer to a wrong path: `a worker`. */
  readonly whose: string;
  /** What `/readyz` shows: 200 when ready, else 503. */
  readonly status: () => { readonly ready: boolean };
  readonly registry: Registry;
  /** More pages by path, and the JSON that each shows. */
  readonly pages?: Readonly<Record<string, () => object>>;
}

/** The pages of a process without a REST API: `/healthz` (it lives), `/readyz` (it works; 503 says why not), `/metrics`. */
export function healthPages(options: HealthPagesOptions): (request: Request) => Promise<Response> {
  const { whose, status, registry } = options;
  const pages = new Map(Object.entries(options.pages ?? {}));
  const paths = ['/healthz', '/readyz', ...pages.keys()];
  return async request => {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case '/healthz':
        return Response.json({ status: 'ok' });
      case '/readyz': {
        const shown = status();
        return Response.json(shown, { status: shown.ready ? 200 : 503 });
      }
      case '/metrics': {
        const { text, contentType } = await metricsPage(registry, request.headers.get('accept'));
        return new Response(text, { headers: { 'content-type': contentType } });
      }
      default: {
        const page = pages.get(pathname);
        if (page !== undefined) return Response.json(page());
        return Response.json(
          {
            type: 'about:blank',
            title: 'Not Found',
            status: 404,
            code: 'NotFound',
            detail: `${whose} has ${paths.join(', ')} and /metrics`,
          },
          { status: 404, headers: { 'content-type': 'application/problem+json' } },
        );
      }
    }
  };
}
