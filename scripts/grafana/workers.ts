import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, row } from './frame.ts';
import { figure, graph, list, stacked } from './parts.ts';
import { labelValues } from './variables.ts';

const here = 'namespace=~"$namespace", instance=~"$worker"';

/** What each worker has to do, and how it does. */
export function workers(): DashboardBuilder {
  return frame('cronmesh-workers', 'Workers', 'What each worker has to do, and how it does.')
    .withVariable(
      labelValues('worker', 'Worker', 'label_values(cronmesh_worker_capacity{namespace=~"$namespace"}, instance)'),
    )
    .withRow(row('Room'))
    .withPanel(
      figure({
        title: 'Saturation',
        about: 'Runs over the capacity of those chosen.',
        queries: [[`sum(cronmesh_worker_running{${here}}) / sum(cronmesh_worker_capacity{${here}})`, 'in use']],
        unit: 'percentunit',
        bad: 0.9,
        width: 6,
      }),
    )
    .withPanel(
      figure({
        title: 'Ready',
        about: 'Workers that claim.',
        queries: [[`sum(cronmesh_worker_ready{${here}})`, 'ready']],
        width: 6,
      }),
    )
    .withPanel(
      figure({
        title: 'Cordoned',
        about: 'Workers cordoned or drained by hand.',
        queries: [[`sum(cronmesh_worker_cordoned{${here}})`, 'cordoned']],
        width: 6,
      }),
    )
    .withPanel(
      figure({
        title: 'Reports on disk',
        about: 'Reports that no master has committed yet.',
        queries: [[`sum(cronmesh_spool_depth{${here}})`, 'reports']],
        width: 6,
      }),
    )
    .withPanel(
      graph({
        title: 'Runs at once',
        about: 'Claimed or going.',
        queries: [[`sum by (instance) (cronmesh_worker_running{${here}})`, '{{instance}}']],
      }),
    )
    .withPanel(
      graph({
        title: 'Starts',
        about: 'A second. Refused starts are handed back: the lease had passed.',
        queries: [
          [
            `sum by (instance, outcome) (rate(cronmesh_run_starts_total{${here}}[$__rate_interval]))`,
            '{{instance}} {{outcome}}',
          ],
        ],
        unit: 'ops',
      }),
    )
    .withPanel(
      graph({
        title: 'Jobs',
        about: 'Jobs that each may run.',
        queries: [[`sum by (instance) (cronmesh_worker_jobs{${here}})`, '{{instance}}']],
      }),
    )
    .withRow(row('Claims and starts'))
    .withPanel(
      stacked({
        title: 'Claims',
        about: 'A second, by result. Lost and withdrawn ones cost Consul a write, or nothing.',
        queries: [[`sum by (result) (rate(cronmesh_claims_total{${here}}[$__rate_interval]))`, '{{result}}']],
        unit: 'ops',
      }),
    )
    .withPanel(
      graph({
        title: 'Lateness of claims',
        about: 'From the tick to the commit of its claim, 99 of 100.',
        queries: [
          [
            `histogram_quantile(0.99, sum by (instance, le) (rate(cronmesh_claim_lateness_seconds_bucket{${here}}[$__rate_interval])))`,
            '{{instance}}',
          ],
        ],
        unit: 's',
      }),
    )
    .withPanel(
      graph({
        title: 'Lateness of starts',
        about: 'From the tick to the start, 99 of 100.',
        queries: [
          [
            `histogram_quantile(0.99, sum by (instance, le) (rate(cronmesh_run_start_lateness_seconds_bucket{${here}}[$__rate_interval])))`,
            '{{instance}}',
          ],
        ],
        unit: 's',
      }),
    )
    .withRow(row('Reports'))
    .withPanel(
      graph({
        title: 'Reports on disk',
        about: 'By worker. They grow while no master commits them.',
        queries: [[`sum by (instance) (cronmesh_spool_depth{${here}})`, '{{instance}}']],
      }),
    )
    .withPanel(
      graph({
        title: 'Deliveries',
        about: 'A second, by result.',
        queries: [[`sum by (result) (rate(cronmesh_reports_total{${here}}[$__rate_interval]))`, '{{result}}']],
        unit: 'ops',
      }),
    )
    .withPanel(
      graph({
        title: 'Handed over',
        about: 'A second: runs that went on under another worker (kubernetes).',
        queries: [
          [`sum by (instance) (rate(cronmesh_run_handovers_total{${here}}[$__rate_interval]))`, '{{instance}}'],
        ],
        unit: 'ops',
      }),
    )
    .withRow(row('Processes'))
    .withPanel(
      graph({
        title: 'Event loop, 99 of 100',
        about: 'How long Node’s event loop was held up.',
        queries: [[`max by (instance) (nodejs_eventloop_lag_p99_seconds{${here}})`, '{{instance}}']],
        unit: 's',
      }),
    )
    .withPanel(
      graph({
        title: 'Memory',
        about: 'Resident, without the supervisor and the runs.',
        queries: [[`sum by (instance) (process_resident_memory_bytes{${here}})`, '{{instance}}']],
        unit: 'bytes',
      }),
    )
    .withPanel(
      list({
        title: 'Workers',
        about: 'Each with its capacity.',
        queries: [[`sum by (instance) (cronmesh_worker_capacity{${here}})`, '{{instance}}']],
      }),
    );
}
