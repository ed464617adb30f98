import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame, row } from './frame.ts';
import { figure, graph } from './parts.ts';

const here = 'namespace=~"$namespace"';

/** Consul, the database, and the masters between them. */
export function coordination(): DashboardBuilder {
  return frame(
    'cronmesh-coordination',
    'Coordination and storage',
    'Consul, the database, and the masters between them.',
  )
    .withRow(row('Servers'))
    .withPanel(
      figure({
        title: 'Without Consul',
        about: 'Processes that Consul does not answer.',
        queries: [[`count(cronmesh_consul_up{${here}} == 0) or vector(0)`, 'processes']],
        bad: 1,
      }),
    )
    .withPanel(
      figure({
        title: 'Without database',
        about: 'Masters and operators that the database does not answer.',
        queries: [[`count(cronmesh_database_up{${here}} == 0) or vector(0)`, 'processes']],
        bad: 1,
      }),
    )
    .withPanel(
      figure({
        title: 'Ready masters',
        about: 'Masters that can do their work.',
        queries: [[`sum(cronmesh_master_ready{${here}})`, 'ready']],
      }),
    )
    .withPanel(
      figure({
        title: 'Epoch',
        about: 'It rises when Consul has lost its past.',
        queries: [[`max(cronmesh_epoch{${here}})`, 'epoch']],
      }),
    )
    .withPanel(
      figure({
        title: 'Elections',
        about: 'In the last hour.',
        queries: [[`sum(increase(cronmesh_elections_total{${here}}[1h]))`, 'elections']],
      }),
    )
    .withPanel(
      figure({
        title: 'Freezes',
        about: 'Freezes in force.',
        queries: [[`max(cronmesh_freezes{${here}})`, 'freezes']],
      }),
    )
    .withRow(row('Consul'))
    .withPanel(
      graph({
        title: 'Leader',
        about: 'Which master leads.',
        queries: [[`max by (instance) (cronmesh_leader{role="scheduler", ${here}})`, '{{instance}}']],
      }),
    )
    .withPanel(
      graph({
        title: 'Watch lag',
        about: 'How old the newest beat of the leader is that each worker has seen: about a second.',
        queries: [[`max by (instance) (cronmesh_watch_lag_seconds{${here}})`, '{{instance}}']],
        unit: 's',
      }),
    )
    .withPanel(
      graph({
        title: 'Publication lag',
        about: 'How long the oldest change of a job has waited for Consul.',
        queries: [[`max(cronmesh_publication_lag_seconds{${here}})`, 'oldest']],
        unit: 's',
      }),
    )
    .withRow(row('Masters'))
    .withPanel(
      graph({
        title: 'Reports',
        about: 'A second, by result. Dropped ones the database can never take.',
        queries: [[`sum by (result) (rate(cronmesh_reports_ingested_total{${here}}[$__rate_interval]))`, '{{result}}']],
        unit: 'ops',
      }),
    )
    .withPanel(
      graph({
        title: 'Commits of reports',
        about: 'How long a batch takes.',
        queries: [
          [
            `histogram_quantile(0.5, sum by (le) (rate(cronmesh_report_commit_duration_seconds_bucket{${here}}[$__rate_interval])))`,
            'half',
          ],
          [
            `histogram_quantile(0.99, sum by (le) (rate(cronmesh_report_commit_duration_seconds_bucket{${here}}[$__rate_interval])))`,
            '99 of 100',
          ],
        ],
        unit: 's',
      }),
    )
    .withPanel(
      graph({
        title: 'Streams of workers',
        about: 'By master: each worker has one.',
        queries: [[`sum by (instance) (cronmesh_grpc_streams{${here}})`, '{{instance}}']],
      }),
    )
    .withPanel(
      graph({
        title: 'Audit',
        about: 'How long the oldest tick that is due for audit has waited.',
        queries: [[`max(cronmesh_audit_lag_seconds{${here}})`, 'oldest']],
        unit: 's',
      }),
    )
    .withPanel(
      graph({
        title: 'Backlog',
        about: 'How long the oldest run has waited for a worker.',
        queries: [[`max(cronmesh_triggers_oldest_age_seconds{${here}})`, 'oldest']],
        unit: 's',
      }),
    )
    .withPanel(
      graph({
        title: 'Notifications',
        about: 'Tries a second, by channel and result. None without a channel.',
        queries: [
          [
            `sum by (channel, result) (rate(cronmesh_notifications_total{${here}}[$__rate_interval])) or vector(0)`,
            '{{channel}} {{result}}',
          ],
        ],
        unit: 'ops',
      }),
    )
    .withRow(row('Archive of output'))
    .withPanel(
      graph({
        title: 'Archive lag',
        about: 'How long the oldest output of ended runs has waited for Loki. 0 without one.',
        queries: [[`max(cronmesh_output_archive_lag_seconds{${here}})`, 'oldest']],
        unit: 's',
        width: 12,
      }),
    )
    .withPanel(
      graph({
        title: 'Archive requests',
        about: 'A second, by result. What was refused is not archived.',
        queries: [
          [`sum by (result) (rate(cronmesh_output_archive_pushes_total{${here}}[$__rate_interval]))`, '{{result}}'],
        ],
        unit: 'ops',
        width: 12,
      }),
    )
    .withRow(row('Processes'))
    .withPanel(
      graph({
        title: 'Event loop, 99 of 100',
        about: 'How long Node’s event loop was held up.',
        queries: [
          [
            `max by (instance) (nodejs_eventloop_lag_p99_seconds{${here}} * on (instance) group_left cronmesh_master_ready{${here}})`,
            '{{instance}}',
          ],
        ],
        unit: 's',
        width: 12,
      }),
    )
    .withPanel(
      graph({
        title: 'CPU',
        about: 'Cores in use, of every process.',
        queries: [
          [
            `sum by (instance) (rate(process_cpu_seconds_total{${here}}[$__rate_interval]) * on (instance) group_left cronmesh_build_info{${here}})`,
            '{{instance}}',
          ],
        ],
        width: 12,
      }),
    );
}
