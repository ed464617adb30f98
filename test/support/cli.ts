import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer } from '@hono/node-server';
import { Api } from './api.ts';

const program = fileURLToPath(new URL('../../bin/cronmesh', import.meta.url));

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cronmesh` as a user would, and gives what it printed. */
export async function cronmesh(
  args: readonly string[],
  options: { readonly server?: string; readonly stdin?: string; readonly env?: Record<string, string> } = {},
): Promise<Finished> {
  const child = spawn(program, args, {
    env: {
      PATH: process.env.PATH ?? '',
      ...(options.server !== undefined && { CRONMESH_SERVER: options.server }),
      ...options.env,
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', chunk => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', chunk => {
    stderr += chunk;
  });
  child.stdin.end(options.stdin ?? '');
  const [status] = await once(child, 'close');
  return { status, stdout, stderr };
}

/** The REST API on a real port, over an embedded database. */
export async function serveApi() {
  const api = await Api.open();
  const server = createAdaptorServer({ fetch: api.app.fetch });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async (): Promise<void> => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
    await api.close();
  };
  return { api, url, stop };
}
