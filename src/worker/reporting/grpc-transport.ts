import { type ChannelCredentials, type ChannelOptions, credentials, Metadata } from '@grpc/grpc-js';
import type { ReportBatch } from '../../domain/run/report.ts';
import type { Milliseconds } from '../../domain/time.ts';
import { ReportServiceClient } from '../../gen/cronmesh/v1/report.ts';
import { type Logger, silentLogger } from '../../observability/logger.ts';
import { encodeBatch } from '../../wire/codec.ts';
import { ReportCall } from './report-call.ts';
import { DeliveryError, type ReportTransport } from './transport.ts';

export interface GrpcTransportOptions {
  /** `consul:///cronmesh-master`, or `host:port`. */
  readonly target: string;
  /** A batch that is not acknowledged within this time breaks its stream. Default 15 s. */
  readonly acknowledgeTimeout?: Milliseconds;
  /** A stream is renewed after this time and up to a fifth more, so that masters share the load. Default 5 minutes. */
  readonly streamAge?: Milliseconds;
  readonly channelOptions?: ChannelOptions;
  /** Default: plain text. */
  readonly credentials?: ChannelCredentials;
  readonly logger?: Logger;
}

/** A master that is gone without a word is noticed within 9 s; a new one is tried again at least each 2 s. */
const channelOptions: ChannelOptions = {
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 4_000,
  'grpc.keepalive_permit_without_calls': 1,
  // Masters are neighbours: a proxy of the environment is for the world outside.
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
};

/**
 * Carries batches over one long stream at a time. Batches are pipelined on it; when it breaks, all that were under way
 * are rejected, and the next batch opens a stream at another master.
 *
 * @example grpcTransport({ target: 'consul:///cronmesh-master', logger })
 */
export function grpcTransport(options: GrpcTransportOptions): ReportTransport {
  return new GrpcTransport(options);
}

class GrpcTransport implements ReportTransport {
  readonly #options: GrpcTransportOptions;
  readonly #client: ReportServiceClient;
  #current: { readonly call: ReportCall; readonly ready: Promise<void> } | undefined;
  #closed = false;

  constructor(options: GrpcTransportOptions) {
    this.#options = options;
    this.#client = new ReportServiceClient(options.target, options.credentials ?? credentials.createInsecure(), {
      ...channelOptions,
      ...options.channelOptions,
    });
  }

  async deliver(batch: ReportBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { call, ready } = this.#usable();
    await ready;
    signal.throwIfAborted();
    await call.deliver(encodeBatch(batch), signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#current?.call.break(new DeliveryError('the transport is closed'));
    this.#client.close();
  }

  /**
   * The stream to use, and when. Two streams may lead to two masters, which would not keep the order: a new one is used
   * when everything on the old one is acknowledged, and not at all when that broke first.
   */
  #usable() {
    if (this.#closed) throw new DeliveryError('the transport is closed');
    const old = this.#current?.call;
    if (this.#current && old?.usable) return this.#current;
    const call = this.#open();
    const ready = old && !old.broken ? old.finish() : Promise.resolve();
    ready.catch(error => call.break(error));
    this.#current = { call, ready };
    return this.#current;
  }

  #open(): ReportCall {
    const { acknowledgeTimeout = 15_000, streamAge = 300_000, logger = silentLogger, target } = this.#options;
    logger.debug({ target }, 'opening a stream of reports');
    // Without a master the stream waits for one, as long as its first batch waits for an acknowledgement.
    return new ReportCall(this.#client.report(new Metadata({ waitForReady: true })), {
      acknowledgeTimeout,
      age: streamAge * (1 + Math.random() / 5),
    });
  }
}
