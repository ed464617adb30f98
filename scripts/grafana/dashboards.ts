import { fileURLToPath } from 'node:url';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { coordination } from './coordination.ts';
import { job } from './job.ts';
import { logsAndTraces } from './logs.ts';
import { overview } from './overview.ts';
import { workers } from './workers.ts';

/** Where the dashboards are kept. */
export const folder = fileURLToPath(new URL('../../deploy/grafana', import.meta.url));

/** The dashboards, by the names of their files. */
export function dashboards(): ReadonlyMap<string, Dashboard> {
  return new Map(
    [overview(), job(), workers(), coordination(), logsAndTraces()].map(builder => {
      const built = builder.build();
      for (const [i, panel] of (built.panels ?? []).entries()) panel.id = i + 1;
      return [`${built.uid?.replace('cronmesh-', '')}.json`, built];
    }),
  );
}

/** As it is written. */
export const dashboardText = (dashboard: Dashboard): string => `${JSON.stringify(dashboard, undefined, 2)}\n`;
