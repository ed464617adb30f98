import type { Logger } from './logger.ts';
import { Sparing } from './sparing.ts';
import { attemptSpanId, traceIdOf } from './trace-context.ts';
import { noTracing, type RunSpan, type Tracing } from './tracing.ts';

export interface TracingOptions {
  /** Where OTLP is taken, such as `http://127.0.0.1:4318`; without it nothing is traced, and nothing is loaded. */
  readonly endpoint?: string | undefined;
  /** `master`, `worker`, …: the service is `cronmesh-<program>` unless OTEL_SERVICE_NAME says otherwise. */
  readonly program: string;
  readonly version: string;
  readonly logger: Logger;
}

const stopWithin = 3_000;

/**
 * Traces by OpenTelemetry. Its customary variables (OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_TRACES_SAMPLER,
 * OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…) hold. Spans are sent in batches, and dropped when the collector does not take
 * them: nothing ever waits for it.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint, program, version, logger } = options;
  if (endpoint === undefined || process.env.OTEL_SDK_DISABLED === 'true') return noTracing;
  // Where the SDK and its exporters look for it.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT ??= endpoint;
  const [api, { NodeSDK }, { envDetector, hostDetector, resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/resources'),
  ]);
  const sparing = new Sparing();
  const complain = (message: string): void => {
    const reason = message.slice(0, 300);
    sparing.say('', () => logger.warn({ reason }, 'traces could not be sent: those of this time are dropped'));
  };
  const ignore = (): void => {};
  api.diag.setLogger({ error: complain, warn: ignore, info: ignore, debug: ignore, verbose: ignore });
  const ids = new RunIds();
  const sdk = new NodeSDK({
    idGenerator: ids,
    resource: resourceFromAttributes({
      'service.name': process.env.OTEL_SERVICE_NAME ?? `cronmesh-${program}`,
      'service.namespace': 'cronmesh',
      'service.version': version,
    }),
    // Not the command line, which may hold secrets.
    resourceDetectors: [envDetector, hostDetector],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  const tracer = api.trace.getTracer('cronmesh', version);
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } = api;
  return {
    enabled: true,
    record({ name, run, attempt, from, to, attributes, failure }: RunSpan) {
      const root = { traceId: traceIdOf(run), spanId: attemptSpanId(run, attempt) };
      const isRoot = name === 'run';
      ids.next = isRoot ? root : undefined;
      const parent = { ...root, traceFlags: TraceFlags.SAMPLED, isRemote: true };
      const span = tracer.startSpan(
        name,
        {
          startTime: from,
          kind: isRoot ? SpanKind.CONSUMER : SpanKind.INTERNAL,
          attributes: { 'cronmesh.run': run, 'cronmesh.attempt': attempt, ...attributes },
        },
        isRoot ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
      );
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      // A clock that was set back between the two.
      span.end(Math.max(from, to));
    },
    async stop() {
      const late = new Promise<void>(resolve => setTimeout(resolve, stopWithin).unref());
      await Promise.race([sdk.shutdown().catch(error => complain(String(error))), late]);
    },
  };
}

/** The ids of the next span, where they are not to be random. */
class RunIds {
  next: { readonly traceId: string; readonly spanId: string } | undefined;

  generateTraceId(): string {
    return this.next?.traceId ?? random(16);
  }

  generateSpanId(): string {
    return this.next?.spanId ?? random(8);
  }
}

function random(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');
}
