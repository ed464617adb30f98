import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, link, row } from './frame.ts';
import { figure, graph, stacked } from './parts.ts';
import { oneLabelValue } from './variables.ts';

const here = 'namespace=~"$namespace", job_namespace=~"$job_namespace", job_name=~"$job"';
const jobs = 'cronmesh_job_run_finishes_total{namespace=~"$namespace"';

/** One job: only with the setting `metrics.perJob` of the workers. */
export function job(): DashboardBuilder {
  const about = 'How one job does. Workers show single jobs where metrics.perJob is set (CRONMESH_METRICS_PER_JOB).';
  return frame('cronmesh-job', 'One job', about)
    .withVariable(oneLabelValue('job_namespace', 'Namespace', `label_values(${jobs}}, job_namespace)`))
    .withVariable(oneLabelValue('job', 'Job', `label_values(${jobs}, job_namespace="$job_namespace"}, job_name)`))
    .link(link('Its definition', '/api/v1/namespaces/$job_namespace/jobs/$job'))
    .link(link('Its runs', '/api/v1/namespaces/$job_namespace/jobs/$job/runs'))
    .withRow(row('$job_namespace/$job'))
    .withPanel(
      figure({
        title: 'Last success',
        about: 'When a run last succeeded, since the workers were started.',
        queries: [[`max(cronmesh_job_last_success_timestamp_seconds{${here}}) * 1000`, 'success']],
        unit: 'dateTimeFromNow',
        width: 6,
      }),
    )
    .withPanel(
      figure({
        title: 'Attempts',
        about: 'That ended, in the time shown.',
        queries: [[`sum(increase(cronmesh_job_run_finishes_total{${here}}[$__range]))`, 'attempts']],
        width: 6,
      }),
    )
    .withPanel(
      figure({
        title: 'Failed',
        about: 'Part of them that did not succeed, in the time shown.',
        queries: [
          [
            `1 - (sum(increase(cronmesh_job_run_finishes_total{outcome="Succeeded", ${here}}[$__range])) or vector(0)) / sum(increase(cronmesh_job_run_finishes_total{${here}}[$__range]))`,
            'failed',
          ],
        ],
        unit: 'percentunit',
        bad: 0.1,
        width: 6,
      }),
    )
    .withPanel(
      figure({
        title: 'Mean duration',
        about: 'In the time shown.',
        queries: [
          [
            `sum(increase(cronmesh_job_run_duration_seconds_sum{${here}}[$__range])) / sum(increase(cronmesh_job_run_duration_seconds_count{${here}}[$__range]))`,
            'mean',
          ],
        ],
        unit: 's',
        width: 6,
      }),
    )
    .withPanel(
      stacked({
        title: 'Ends of attempts',
        about: 'A second, by outcome.',
        queries: [
          [`sum by (outcome) (rate(cronmesh_job_run_finishes_total{${here}}[$__rate_interval]))`, '{{outcome}}'],
        ],
        unit: 'ops',
        width: 12,
      }),
    )
    .withPanel(
      stacked({
        title: 'By worker',
        about: 'Ends of attempts a second.',
        queries: [
          [`sum by (instance) (rate(cronmesh_job_run_finishes_total{${here}}[$__rate_interval]))`, '{{instance}}'],
        ],
        unit: 'ops',
        width: 12,
      }),
    )
    .withPanel(
      graph({
        title: 'Duration',
        about: 'Mean, from start to end.',
        queries: [
          [
            `sum(rate(cronmesh_job_run_duration_seconds_sum{${here}}[$__rate_interval])) / sum(rate(cronmesh_job_run_duration_seconds_count{${here}}[$__rate_interval]))`,
            'mean',
          ],
        ],
        unit: 's',
        width: 12,
      }),
    )
    .withPanel(
      graph({
        title: 'Lateness',
        about: 'Mean, from the tick to the start.',
        queries: [
          [
            `sum(rate(cronmesh_job_run_start_lateness_seconds_sum{${here}}[$__rate_interval])) / sum(rate(cronmesh_job_run_start_lateness_seconds_count{${here}}[$__rate_interval]))`,
            'mean',
          ],
        ],
        unit: 's',
        width: 12,
      }),
    );
}
