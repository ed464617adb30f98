import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, row } from './frame.ts';
import { logCounts, logLines, traces } from './parts.ts';
import { source, textBox } from './variables.ts';

/** The product's own lines, and what runs printed; labels are few (docs/logs.md), the rest is structured metadata. */
const lines =
  '{app="cronmesh", namespace=~"$job_namespace"} |= "$search" | component=~"$component" | job=~"(.*/)?($job)" | run=~"$run"';

/** What processes and runs said, and where a run's time went. */
export function logsAndTraces(): DashboardBuilder {
  return frame('cronmesh-logs', 'Logs and traces', 'What processes and runs said, and where a run’s time went.')
    .withVariable(source('loki', 'Logs', 'loki'))
    .withVariable(source('tempo', 'Traces', 'tempo'))
    .withVariable(textBox('component', 'Component', '.*'))
    .withVariable(textBox('job_namespace', 'Namespace', '.*'))
    .withVariable(textBox('job', 'Job', '.*'))
    .withVariable(textBox('run', 'Run', '.*'))
    .withVariable(textBox('search', 'With this text', ''))
    .withRow(row('Logs'))
    .withPanel(
      logCounts({
        title: 'Lines',
        about: 'By program or, for what runs printed, by namespace.',
        query: [
          `sum by (kind, program, namespace) (count_over_time(${lines} [$__auto]))`,
          '{{kind}} {{program}}{{namespace}}',
        ],
      }),
    )
    .withPanel(logLines({ title: 'Lines', about: 'Newest first.', expr: lines }))
    .withRow(row('Traces'))
    .withPanel(
      traces({
        title: 'Slow runs',
        about: 'Traces of runs, a run each; exemplars of the other dashboards lead here as well.',
        query: '{ resource.service.name =~ "cronmesh.*" && duration > 1s }',
      }),
    );
}
