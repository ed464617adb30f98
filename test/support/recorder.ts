import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Start } from '../e2e/verdict.ts';

/**
 * Takes down what jobs say of themselves when they start, over HTTP: the ground truth of tests whose jobs leave no
 * files. A job calls `/start` with its `CRONMESH_…` values, as query (`job`, `run`, `attempt`, `tick`, `worker`) or as
 * the headers that an http job sends.
 */
export class Recorder {
  readonly starts: Start[] = [];
  /** What jobs sent as `x-value`, by job. */
  readonly values = new Map<string, string>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Recorder> {
    const server = createServer();
    const recorder = new Recorder(server);
    server.on('request', (request, response) => {
      const { searchParams } = new URL(request.url ?? '/', 'http://recorder');
      const said = (name: string): string =>
        searchParams.get(name) ?? String(request.headers[`cronmesh-${name}`] ?? '');
      const value = request.headers['x-value'];
      if (value !== undefined) recorder.values.set(said('job'), String(value));
      recorder.starts.push({
        job: said('job'),
        tick: Date.parse(said('tick')),
        run: `${said('run')}#${said('attempt')}`,
        worker: said('worker'),
        at: Date.now(),
      });
      response.end('noted\n');
    });
    await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve));
    return recorder;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }
}
