import { type ChannelOptions, Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import type { Milliseconds } from '../../../domain/time.ts';
import { decodePayload, encodePayload, type Payload } from './payload.ts';

export interface ConnectionOptions {
  /** `host:port` of HTTP. */
  readonly address: string;
  readonly namespace: string;
  /** Of a login. */
  readonly token?: string | undefined;
  /** Nacos asks for something; the answer goes back to it. */
  readonly onRequest: (request: Payload) => Omit<Payload, 'headers'> | undefined;
}

const requestTimeout: Milliseconds = 3_000;
/** Nacos says so of a connection whose set-up it has not taken in yet. */
const unregistered = 301;

const channelOptions: ChannelOptions = {
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  // Nacos knows a client by its TCP connection: stream and requests share one, and nobody else uses it.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': 32 * 1024 * 1024,
};

/** Where gRPC listens, from HTTP's port: Nacos has it 1000 above. */
function grpcTarget(address: string): string {
  const colon = address.lastIndexOf(':');
  return `dns:${address.slice(0, colon)}:${Number(address.slice(colon + 1)) + 1_000}`;
}

/** One connection to one Nacos server, of 2.x or 3.x: a stream on which the server pushes, and requests beside it. */
export class NacosConnection {
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  readonly #closed = Promise.withResolvers<string>();
  #stream: ClientDuplexStream<Payload, Payload> | undefined;
  #requests = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#client = new Client(grpcTarget(options.address), credentials.createInsecure(), channelOptions);
  }

  /** Resolves with the reason when the connection is over. */
  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  /** @throws Error when the server is away or refuses */
  async open(): Promise<void> {
    await this.#send('ServerCheckRequest', {});
    const stream = this.#client.makeBidiStreamRequest('/BiRequestStream/requestBiStream', encodePayload, decodePayload);
    this.#stream = stream;
    stream.on('data', (request: Payload) => this.#answer(request));
    stream.on('error', error => this.close(error.message));
    stream.on('end', () => this.close('the server ended the stream'));
    this.#push('ConnectionSetupRequest', {
      requestId: this.#nextId(),
      clientVersion: 'Nacos-Nodejs-Client:v3.0.0',
      tenant: this.#options.namespace,
      labels: { source: 'sdk', module: 'config', AppName: 'cronmesh' },
      abilities: {},
    });
  }

  /** @throws Error when there is no answer, or one that is no success; `NotFound` and the like are in `errorCode` */
  async request(type: string, body: Payload['body']): Promise<Payload['body']> {
    const deadline = performance.now() + requestTimeout;
    for (;;) {
      const answer = await this.#send(type, body);
      // The stream's set-up is on its way, and nothing says when it is taken in.
      if (answer.errorCode !== unregistered || performance.now() > deadline) return answer;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }

  close(reason: string): void {
    this.#closed.resolve(reason);
    this.#stream?.cancel();
    this.#client.close();
  }

  #send(type: string, body: Payload['body']): Promise<Payload['body']> {
    const payload = { type, headers: this.#headers(), body: { ...body, requestId: this.#nextId() } };
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + requestTimeout };
      this.#client.makeUnaryRequest(
        '/Request/request',
        encodePayload,
        decodePayload,
        payload,
        options,
        (error, answer) => {
          if (error !== null) reject(new Error(error.details || error.message));
          else resolve(answer?.body ?? {});
        },
      );
    });
  }

  #answer(request: Payload): void {
    if (request.type === 'ConnectResetRequest') {
      this.close('the server asked to connect anew');
      return;
    }
    const answer = this.#options.onRequest(request);
    if (answer === undefined) return;
    this.#push(answer.type, { resultCode: 200, errorCode: 0, requestId: request.body.requestId, ...answer.body });
  }

  #push(type: string, body: Payload['body']): void {
    this.#stream?.write({ type, headers: this.#headers(), body });
  }

  #headers(): Readonly<Record<string, string>> {
    const { token } = this.#options;
    return token === undefined ? {} : { accessToken: token };
  }

  #nextId(): string {
    return String(++this.#requests);
  }
}
