import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { CronmeshError } from '../../domain/errors.ts';
import type { Logger } from '../../observability/logger.ts';
import type { AppEnv } from './environment.ts';

/** A flood of what is refused unheard must not flood the log: whoever refuses it says so. */
const unheard: ReadonlySet<number> = new Set([401, 429]);

/** Gives every request an id and a logger that carries it, and logs how it went. */
export function identify(logger: Logger): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const given = context.req.header('x-request-id') ?? '';
    const requestId = /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
    context.set('requestId', requestId);
    context.set('logger', logger.child({ requestId }));
    context.header('X-Request-Id', requestId);
    const began = performance.now();
    await next();
    const { method, path } = context.req;
    const line = { method, path, status: context.res.status, ms: Math.round(performance.now() - began) };
    // Reads come by the thousand from pages and probes; a change is worth a line.
    const quiet = isSafe(method) || unheard.has(context.res.status);
    context.get('logger')[quiet ? 'debug' : 'info'](line, 'request');
  };
}

/** Nothing is loaded from elsewhere, and nobody frames the page. */
export const secureHeaders: MiddlewareHandler<AppEnv> = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.set('X-Content-Type-Options', 'nosniff');
  headers.set('Referrer-Policy', 'no-referrer');
  headers.set('X-Frame-Options', 'DENY');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
  if (!headers.has('Content-Security-Policy')) {
    headers.set(
      'Content-Security-Policy',
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    );
  }
};

/**
 * Refuses changes that a browser sends for a page of another origin: without a login, such a page could otherwise
 * have commands run. Programs send neither header and are let through.
 */
export const sameOrigin: MiddlewareHandler<AppEnv> = async (context, next) => {
  if (!isSafe(context.req.method)) {
    const site = context.req.header('sec-fetch-site');
    const origin = context.req.header('origin');
    const foreign =
      (site !== undefined && site !== 'same-origin' && site !== 'none') ||
      (origin !== undefined && hostOf(origin) !== context.req.header('host'));
    if (foreign) throw new CronmeshError('Forbidden', 'changes are not accepted from pages of another origin');
  }
  await next();
};

/** Serves only requests for these host names; see `AppDependencies.hosts`. */
export function knownHosts(hosts: readonly string[]): MiddlewareHandler<AppEnv> {
  const known = new Set(hosts.map(host => host.toLowerCase()));
  return async (context, next) => {
    const host = (context.req.header('host') ?? '').toLowerCase();
    // The port is cut off; an IPv6 address keeps its brackets.
    const name = host.replace(/:\d+$/, '');
    if (!known.has(name)) {
      const allowed = [...known].join(', ');
      throw new CronmeshError(
        'Forbidden',
        `this server is not known as ${JSON.stringify(name)}; it answers to ${allowed}`,
      );
    }
    await next();
  };
}

const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
