import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a server, whose connections a test can cut. */
export class TcpProxy {
  readonly #server = createServer(socket => this.#accept(socket));
  readonly #target: { readonly host: string; readonly port: number };
  readonly #open = new Set<Socket>();
  /** Connections accepted. */
  accepted = 0;
  #refusing = false;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection; new ones are taken. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Whether new connections are ended at once. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
    if (refusing) this.cut();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    if (this.#refusing) {
      socket.destroy();
      return;
    }
    this.accepted++;
    const behind = connect(this.#target);
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      this.#open.add(one);
      one.on('error', () => {});
      one.once('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
