import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Hono } from 'hono';
import type { AppEnv } from '../environment.ts';
import { serveFile } from '../static.ts';

/** `src/ui` in a checkout, `dist/ui` where it was built. */
const ui = fileURLToPath(new URL('../../../ui/', import.meta.url));

const pageFiles = [
  'app.js',
  'api.js',
  'dialogs.js',
  'format.js',
  'stream.js',
  'tables.js',
  'view.js',
  'style.css',
  'icon.svg',
] as const;
const swaggerFiles = ['swagger-ui.css', 'swagger-ui-bundle.js'] as const;

/** Swagger UI sets styles on elements and has its icons in its style sheet. */
const docsPolicy = {
  'Content-Security-Policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
};

/**
 * The web page at `/`, and the API's documentation at `/docs`: all of it from this server.
 *
 * @param overlay a folder whose files go before the page's own
 */
export function pageRoutes(overlay?: string): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const page = (file: string, headers = {}) => serveFile(join(ui, file), { headers, overlay });
  app.get('/', page('index.html'));
  for (const file of pageFiles) app.get(`/ui/${file}`, page(file));

  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/docs', page('docs.html', docsPolicy));
  app.get('/docs/start.js', page('docs.js'));
  for (const file of swaggerFiles) app.get(`/docs/${file}`, serveFile(join(swagger, file)));
  return app;
}
