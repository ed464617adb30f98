import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bounds a server's connections. At the bound a newcomer takes the place of the one that has been without a request for
 * longest (idle, half open, or only slow to read its answer), so that nobody keeps health checks out by holding
 * connections; where each has a request, the newcomer is closed.
 */
export class Connections {
  readonly #most: number;
  readonly #open = new Set<Socket>();
  /** Without a request under way, the longest first. */
  readonly #idle = new Set<Socket>();
  /** Connections that were closed since there were too many. */
  dropped = 0;

  constructor(server: Server, most: number) {
    this.#most = most;
    server.on('connection', (socket: Socket) => this.#connected(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#requested(request, response));
  }

  get open(): number {
    return this.#open.size;
  }

  #connected(socket: Socket): void {
    this.#open.add(socket);
    this.#idle.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#idle.delete(socket);
    });
    if (this.#open.size <= this.#most) return;
    this.dropped++;
    const [oldest = socket] = this.#idle;
    this.#open.delete(oldest);
    this.#idle.delete(oldest);
    oldest.destroy();
  }

  #requested({ socket }: IncomingMessage, response: ServerResponse): void {
    this.#idle.delete(socket);
    const done = (): void => {
      if (this.#open.has(socket)) this.#idle.add(socket);
    };
    // Written in full, if not yet read; or broken off.
    response.once('prefinish', done);
    response.once('close', done);
  }
}
