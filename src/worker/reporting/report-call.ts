import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { Milliseconds } from '../../domain/time.ts';
import type { ReportRequest, ReportResponse } from '../../gen/cronmesh/v1/report.ts';
import { DeliveryError } from './transport.ts';

interface UnderWay {
  readonly last: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One stream to one master: batches up, acknowledgements down in the same order. */
export class ReportCall {
  readonly #stream: ClientDuplexStream<ReportRequest, ReportResponse>;
  readonly #underWay: UnderWay[] = [];
  readonly #acknowledgeTimeout: Milliseconds;
  readonly #ends: number;
  readonly #finished = Promise.withResolvers<void>();
  #finishing = false;
  #broken = false;
  #deadline: NodeJS.Timeout | undefined;

  /** @param limits `age`: after it the stream is not `usable` any more */
  constructor(
    stream: ClientDuplexStream<ReportRequest, ReportResponse>,
    limits: { readonly acknowledgeTimeout: Milliseconds; readonly age: Milliseconds },
  ) {
    this.#stream = stream;
    this.#acknowledgeTimeout = limits.acknowledgeTimeout;
    this.#ends = performance.now() + limits.age;
    this.#finished.promise.catch(() => {});
    stream.on('data', (response: ReportResponse) => this.#answered(response));
    stream.on('end', () => this.break(new DeliveryError('the master ended the stream')));
    stream.on('error', (error: ServiceError) =>
      this.break(new DeliveryError(`the stream to the master broke: ${error.message}`, { cause: error })),
    );
  }

  /** Takes more batches. */
  get usable(): boolean {
    return !this.#broken && !this.#finishing && performance.now() < this.#ends;
  }

  /** Ended, in whatever way. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Resolves with the batch's acknowledgement. @throws DeliveryError */
  async deliver(request: ReportRequest, signal: AbortSignal): Promise<void> {
    if (this.#broken) throw new DeliveryError('the stream to the master is broken');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#underWay.push({ last: request.first + request.reports.length - 1, resolve, reject });
    this.#watch();
    // The stream cannot take back what it sent: giving one batch up is giving it up.
    const abort = () => this.break(new DeliveryError('the delivery was called back', { cause: signal.reason }));
    signal.addEventListener('abort', abort, { once: true });
    this.#stream.write(request);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Takes no more batches; resolves when those under way are acknowledged. @throws what broke the stream before */
  finish(): Promise<void> {
    if (this.#broken) return this.#finished.promise;
    this.#finishing = true;
    if (this.#underWay.length === 0) this.#close();
    return this.#finished.promise;
  }

  /** Ends the stream at once and rejects what is under way. */
  break(error: Error): void {
    if (this.#broken) return;
    this.#broken = true;
    clearTimeout(this.#deadline);
    this.#stream.cancel();
    for (const { reject } of this.#underWay.splice(0)) reject(error);
    this.#finished.reject(error);
  }

  #answered({ acknowledged, error, retryAfterMs: retryAfter }: ReportResponse): void {
    const batch = this.#underWay[0];
    if (error !== '') {
      this.break(new DeliveryError(`the master did not commit the reports: ${error}`, { retryAfter }));
    } else if (batch?.last !== acknowledged) {
      this.break(new DeliveryError(`the master acknowledged ${acknowledged}, awaited was ${batch?.last}`));
    } else {
      this.#underWay.shift();
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
      if (this.#underWay.length > 0) this.#watch();
      else if (this.#finishing) this.#close();
      batch.resolve();
    }
  }

  /** The oldest batch under way has the deadline; each acknowledgement gives the next one a new one. */
  #watch(): void {
    this.#deadline ??= setTimeout(
      () => this.break(new DeliveryError(`no acknowledgement within ${this.#acknowledgeTimeout} ms`)),
      this.#acknowledgeTimeout,
    );
  }

  #close(): void {
    this.#broken = true;
    this.#stream.end();
    this.#finished.resolve();
  }
}
