import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Context } from 'hono';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly tag: string;
}

export interface ServeOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** A folder whose file of the same name goes before this one. It is read at each request. */
  readonly overlay?: string | undefined;
}

/**
 * Serves one file. It is read once and kept; browsers ask each time whether it has changed, so that a new version of
 * the program is never mixed with an old page.
 */
export function serveFile(path: string, { headers = {}, overlay }: ServeOptions = {}) {
  let asset: Promise<Asset> | undefined;
  const type = types[extname(path)] ?? 'application/octet-stream';
  return async (context: Context): Promise<Response> => {
    asset ??= load(path);
    const { body, tag } = (overlay && (await loadIfThere(join(overlay, basename(path))))) || (await asset);
    const common = { ETag: tag, 'Cache-Control': 'no-cache', ...headers };
    if (context.req.header('if-none-match') === tag) return context.body(null, 304, common);
    return context.body(body, 200, { ...common, 'Content-Type': type });
  };
}

async function load(path: string): Promise<Asset> {
  const body = new Uint8Array(await readFile(path));
  return { body, tag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

async function loadIfThere(path: string): Promise<Asset | undefined> {
  try {
    return await load(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
