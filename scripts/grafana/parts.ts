import * as common from '@grafana/grafana-foundation-sdk/common';
import { GraphDrawStyle, StackingMode } from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as logs from '@grafana/grafana-foundation-sdk/logs';
import * as loki from '@grafana/grafana-foundation-sdk/loki';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as tempo from '@grafana/grafana-foundation-sdk/tempo';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/**
 * The pieces that the dashboards are made of. Grafana's own types hold them: what is no valid dashboard does not compile.
 */

/** A query, and how its series are called. */
export type Query = readonly [expr: string, legend: string];

export interface PanelOptions {
  readonly title: string;
  /** What it shows, for people. */
  readonly about: string;
  readonly queries: readonly Query[];
  /** `s`, `percentunit`, `ops`, `short`, `bytes`, `dateTimeFromNow`. Default `short`. */
  readonly unit?: string;
  /** Of 24. Default 8. */
  readonly width?: number;
}

export const sources = {
  metrics: { type: 'prometheus', uid: '$datasource' },
  logs: { type: 'loki', uid: '$loki' },
  traces: { type: 'tempo', uid: '$tempo' },
} as const;

const targets = (queries: readonly Query[]): prometheus.DataqueryBuilder[] =>
  queries.map(([expr, legend], i) =>
    new prometheus.DataqueryBuilder()
      .refId(String.fromCharCode(65 + i))
      .datasource(sources.metrics)
      .expr(expr)
      .legendFormat(legend)
      .exemplar(expr.includes('_bucket')),
  );

/** Lines over time. */
export function graph({ title, about, queries, unit = 'short', width = 8 }: PanelOptions): timeseries.PanelBuilder {
  return new timeseries.PanelBuilder()
    .title(title)
    .description(about)
    .datasource(sources.metrics)
    .targets(targets(queries))
    .unit(unit)
    .min(0)
    .fillOpacity(10)
    .span(width)
    .height(8)
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
}

/** Bars on top of one another. */
export function stacked(options: PanelOptions): timeseries.PanelBuilder {
  return graph(options)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(70)
    .stacking(new common.StackingConfigBuilder().mode(StackingMode.Normal));
}

/** One number now; `bad` from which on it is red. */
export function figure(options: PanelOptions & { readonly bad?: number }): stat.PanelBuilder {
  const { title, about, queries, unit = 'short', width = 4, bad } = options;
  const steps = [{ value: null, color: 'green' }, ...(bad === undefined ? [] : [{ value: bad, color: 'red' }])];
  return new stat.PanelBuilder()
    .title(title)
    .description(about)
    .datasource(sources.metrics)
    .targets(targets(queries))
    .unit(unit)
    .span(width)
    .height(4)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps(steps));
}

/** A row for each series, as it is now. */
export function list({ title, about, queries, unit = 'short', width = 8 }: PanelOptions): table.PanelBuilder {
  const now = targets(queries).map(query => query.instant().format(prometheus.PromQueryFormat.Table));
  return new table.PanelBuilder()
    .title(title)
    .description(about)
    .datasource(sources.metrics)
    .targets(now)
    .unit(unit)
    .span(width)
    .height(8);
}

/** Lines of logs that a LogQL query finds. */
export function logLines(options: { readonly title: string; readonly about: string; readonly expr: string }) {
  const { title, about, expr } = options;
  return new logs.PanelBuilder()
    .title(title)
    .description(about)
    .datasource(sources.logs)
    .withTarget(new loki.DataqueryBuilder().refId('A').datasource(sources.logs).expr(expr).maxLines(500))
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .span(24)
    .height(10);
}

/** How many lines a LogQL query counts, over time. */
export function logCounts(options: { readonly title: string; readonly about: string; readonly query: Query }) {
  const [expr, legend] = options.query;
  return graph({ ...options, queries: [], width: 24 })
    .datasource(sources.logs)
    .drawStyle(GraphDrawStyle.Bars)
    .withTarget(new loki.DataqueryBuilder().refId('A').datasource(sources.logs).expr(expr).legendFormat(legend));
}

/** Traces that a TraceQL query finds. */
export function traces(options: { readonly title: string; readonly about: string; readonly query: string }) {
  const { title, about, query } = options;
  return new table.PanelBuilder()
    .title(title)
    .description(about)
    .datasource(sources.traces)
    .withTarget(
      new tempo.DataqueryBuilder()
        .refId('A')
        .datasource(sources.traces)
        .queryType('traceql')
        .query(query)
        .limit(50)
        .tableType(tempo.SearchTableType.Traces),
    )
    .span(24)
    .height(10);
}
