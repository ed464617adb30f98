import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface SendOptions {
  readonly body?: string | Buffer;
  /** In milliseconds; default 2,000. */
  readonly timeout?: number;
  /** Instead of the time-out. */
  readonly signal?: AbortSignal;
}

/** One Consul agent by its Unix socket: no fault of the network is between it and the harness. */
export class ConsulApi {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** @throws Error when the answer is not 2xx, or does not come in time */
  async send(method: 'GET' | 'PUT' | 'POST', path: string, options: SendOptions = {}): Promise<Answer> {
    const answer = await this.ask(method, path, options);
    if (answer.status >= 300) throw new Error(`Consul: ${method} ${path}: ${answer.status} ${answer.body}`);
    return answer;
  }

  /** The answer, whatever its status. @throws Error when there is none in time */
  async ask(method: 'GET' | 'PUT' | 'POST', path: string, options: SendOptions = {}): Promise<Answer> {
    const signal = options.signal ?? AbortSignal.timeout(options.timeout ?? 2_000);
    return await new Promise((resolve, reject) => {
      const sent = request({ method, path, socketPath: this.#socket, agent: false, signal }, response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
        response.once('error', reject);
      });
      sent.once('error', reject);
      sent.end(options.body);
    });
  }

  /** The answer's JSON; undefined of 404. @throws Error when it is neither 2xx nor 404 */
  async get<T>(path: string): Promise<T | undefined> {
    const { status, body } = await this.ask('GET', path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`Consul: GET ${path}: ${status} ${body}`);
    return JSON.parse(body.toString()) as T;
  }

  /** A consistent read came back: its agent lives and reaches a leader that has a quorum. */
  async reads(signal: AbortSignal): Promise<boolean> {
    try {
      const { status } = await this.ask('GET', '/v1/kv/faults/probe?consistent', { signal });
      return status === 200 || status === 404;
    } catch {
      return false;
    }
  }

  /** A write and a consistent read. */
  async writes(signal: AbortSignal): Promise<boolean> {
    try {
      const { body } = await this.send('PUT', '/v1/kv/faults/probe', { body: String(Date.now()), signal });
      return body.toString().trim() === 'true' && (await this.reads(signal));
    } catch {
      return false;
    }
  }
}
