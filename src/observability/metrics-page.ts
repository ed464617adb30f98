import { Registry } from 'prom-client';
import { keepsExemplars } from './registry.ts';

/** What `/metrics` answers. */
export interface MetricsPage {
  readonly text: string;
  readonly contentType: string;
}

/**
 * The metrics as the scraper wants them: OpenMetrics, with exemplars, where `accept` names it, else Prometheus' text
 * format.
 *
 * @example await metricsPage(registry, request.headers.get('accept'))
 */
export async function metricsPage(registry: Registry, accept: string | null | undefined): Promise<MetricsPage> {
  const text = await registry.metrics();
  if (!keepsExemplars(registry)) return { text, contentType: registry.contentType };
  return accept?.includes('application/openmetrics-text')
    ? { text, contentType: Registry.OPENMETRICS_CONTENT_TYPE }
    : { text: plainText(text), contentType: Registry.PROMETHEUS_CONTENT_TYPE };
}

/** From OpenMetrics as prom-client writes it: there a counter's family has no `_total`, and exemplars follow ` # `. */
function plainText(openMetrics: string): string {
  const lines = openMetrics.split('\n').filter(line => line !== '# EOF');
  const counters = new Set(lines.flatMap(line => /^# TYPE (\S+) counter$/.exec(line)?.[1] ?? []));
  return lines
    .map(line => {
      const [, kind, family, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
      if (family !== undefined) return `# ${kind} ${family}${counters.has(family) ? '_total' : ''} ${rest}`;
      return line.replace(/ # \{[^{}]*\} \S+ \S+$/, '');
    })
    .join('\n');
}
