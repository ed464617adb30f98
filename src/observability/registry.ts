import { type Counter, collectDefaultMetrics, Gauge, type OpenMetricsContentType, Registry } from 'prom-client';

/**
 * The registry of a process, with Node's own metrics (memory, CPU, event loop, garbage collection) and
 * `cronmesh_build_info`. It is one of OpenMetrics: only those keep exemplars. `metricsPage` gives either format.
 */
export function createRegistry(program: string, version: string): Registry {
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  // prom-client's types part the two kinds for the content type alone: wherever one is asked for, both will do.
  const registry = open as unknown as Registry;
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'cronmesh_build_info',
    help: '1, with the program and its version',
    labelNames: ['program', 'version'],
    registers: [registry],
  }).set({ program, version }, 1);
  return registry;
}

/** Whether a registry keeps exemplars; asking for them elsewhere is an error of prom-client. */
export function keepsExemplars(registry: Registry): boolean {
  return (registry.contentType as string) === Registry.OPENMETRICS_CONTENT_TYPE;
}

/** Registers a gauge that is looked at with each scrape. */
export function observedGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}

/** Shows every value of a label from the start: a series that begins with 1 is no increase to Prometheus. */
export function fromZero<Label extends string>(
  counter: Counter<Label>,
  label: Label,
  values: readonly string[],
): Counter<Label> {
  for (const value of values) counter.inc({ [label]: value } as Record<Label, string>, 0);
  return counter;
}
