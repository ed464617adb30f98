import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { printedLines, type Truth } from './truth.ts';

/** Where http jobs go: tells when a request came and how it ended, and answers when its time is over. */
export class Receiver {
  readonly #truth: Truth;
  readonly #workers: ReadonlyMap<string, string>;
  readonly #server: Server;
  readonly #base: bigint;

  /** @param workers names by their addresses */
  constructor(truth: Truth, base: bigint, workers: ReadonlyMap<string, string>) {
    this.#truth = truth;
    this.#base = base;
    this.#workers = workers;
    this.#server = createServer((request, response) => this.#take(request, response));
    this.#server.keepAliveTimeout = 1_000;
  }

  /** @returns its base URL */
  async start(host: string): Promise<string> {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { searchParams } = new URL(request.url ?? '', 'http://receiver');
    const number = (name: string): number => Number(searchParams.get(name));
    const header = (name: string): string => String(request.headers[`cronmesh-${name}`] ?? '');
    const text = searchParams.get('text') ?? '';
    const [run, attempt, lines, exit] = [header('run'), Number(header('attempt')), number('lines'), number('exit')];
    const at = () => String(process.hrtime.bigint() + this.#base);
    this.#truth.tell({
      event: 'start',
      kind: 'http',
      run,
      attempt,
      at: at(),
      job: searchParams.get('job') ?? '',
      tick: header('tick'),
      token: header('fencing-token'),
      worker: this.#workers.get(request.socket.remoteAddress?.replace('::ffff:', '') ?? '') ?? '',
      overlapped: 0,
      exit,
      lines,
      text,
    });
    request.resume();
    const timer = setTimeout(
      () => {
        this.#truth.tell({ event: 'end', run, attempt, at: at() });
        response.statusCode = exit;
        response.end(`${printedLines(run, attempt, lines, text).join('\n')}\n`);
      },
      number('least') + Math.random() * (number('most') - number('least')),
    );
    response.on('close', () => {
      clearTimeout(timer);
      if (!response.writableEnded) this.#truth.tell({ event: 'gone', run, attempt, at: at() });
    });
  }
}
