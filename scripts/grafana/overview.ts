import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, row } from './frame.ts';
import { figure, graph, list, stacked } from './parts.ts';

const here = 'namespace=~"$namespace"';

/** Whether everything runs, and in time. */
export function overview(): DashboardBuilder {
  return frame('cronmesh-overview', 'Overview', 'Whether everything runs, and in time.')
    .withRow(row('Now'))
    .withPanel(
      figure({
        title: 'Alerts',
        about: 'Alerts of Cronmesh that fire.',
        queries: [['count(ALERTS{alertname=~"Cronmesh.+", alertstate="firing"}) or vector(0)', 'firing']],
        bad: 1,
      }),
    )
    .withPanel(
      figure({
        title: 'Leader',
        about: 'Masters that lead: 1 is right.',
        queries: [[`sum(cronmesh_leader{role="scheduler", ${here}})`, 'leading']],
      }),
    )
    .withPanel(
      figure({
        title: 'Ready workers',
        about: 'Workers whose checks all pass, as masters see them in Consul.',
        queries: [[`max(cronmesh_workers{state="ready", ${here}})`, 'ready']],
      }),
    )
    .withPanel(
      figure({
        title: 'Active jobs',
        about: 'Jobs that are neither suspended nor paused.',
        queries: [[`max(cronmesh_jobs{state="active", ${here}})`, 'active']],
      }),
    )
    .withPanel(
      figure({
        title: 'Failing jobs',
        about: 'Jobs whose newest three runs all failed.',
        queries: [[`max(cronmesh_jobs_failing{${here}})`, 'failing']],
        bad: 1,
      }),
    )
    .withPanel(
      figure({
        title: 'Jobs without a worker',
        about: 'Active jobs that no ready worker may run.',
        queries: [[`max(cronmesh_jobs_without_worker{${here}})`, 'jobs']],
        bad: 1,
      }),
    )
    .withRow(row('Runs'))
    .withPanel(
      stacked({
        title: 'Ends of attempts',
        about: 'A second, by outcome.',
        queries: [[`sum by (outcome) (cronmesh:run_finishes:rate5m{${here}})`, '{{outcome}}']],
        unit: 'ops',
        width: 12,
      }),
    )
    .withPanel(
      graph({
        title: 'Lateness of starts',
        about: 'From the tick to the start. Points are single runs: they lead to the trace.',
        queries: [
          [
            `histogram_quantile(0.5, sum by (le) (rate(cronmesh_run_start_lateness_seconds_bucket{${here}}[$__rate_interval])))`,
            'half',
          ],
          [
            `histogram_quantile(0.99, sum by (le) (rate(cronmesh_run_start_lateness_seconds_bucket{${here}}[$__rate_interval])))`,
            '99 of 100',
          ],
        ],
        unit: 's',
        width: 12,
      }),
    )
    .withPanel(
      stacked({
        title: 'Ticks without a run',
        about: 'A second, by reason: each is a fact that `cronmesh describe job` explains.',
        queries: [[`sum by (reason) (cronmesh:skips:rate5m{${here}})`, '{{reason}}']],
        unit: 'ops',
      }),
    )
    .withPanel(
      graph({
        title: 'Missed and lost',
        about: 'In 10 minutes: ticks that nobody wished to skip, and runs of which nobody knows how they ended.',
        queries: [
          [`sum(cronmesh:ticks_missed:increase10m{${here}})`, 'missed'],
          [`sum(increase(cronmesh_runs_lost_total{${here}}[10m]))`, 'lost'],
        ],
      }),
    )
    .withPanel(
      graph({
        title: 'Duration of attempts',
        about: 'From start to end. Points are single runs: they lead to the trace.',
        queries: [
          [
            `histogram_quantile(0.5, sum by (le) (rate(cronmesh_run_duration_seconds_bucket{${here}}[$__rate_interval])))`,
            'half',
          ],
          [
            `histogram_quantile(0.99, sum by (le) (rate(cronmesh_run_duration_seconds_bucket{${here}}[$__rate_interval])))`,
            '99 of 100',
          ],
        ],
        unit: 's',
      }),
    )
    .withRow(row('What waits'))
    .withPanel(
      graph({
        title: 'Backlog',
        about: 'Runs that wait for a worker.',
        queries: [[`max(cronmesh_triggers_waiting{${here}})`, 'waiting']],
      }),
    )
    .withPanel(
      graph({
        title: 'Retries and pauses',
        about: 'A second: further attempts by the outcome before, and jobs that paused themselves.',
        queries: [
          [`sum(rate(cronmesh_run_retries_total{${here}}[$__rate_interval])) or vector(0)`, 'retries'],
          [`sum(rate(cronmesh_jobs_paused_total{${here}}[$__rate_interval])) or vector(0)`, 'pauses'],
        ],
        unit: 'ops',
      }),
    )
    .withPanel(
      list({
        title: 'Programs',
        about: 'What answers Prometheus, and its version.',
        queries: [[`sum by (program, version, instance) (cronmesh_build_info{${here}})`, '{{program}}']],
      }),
    );
}
