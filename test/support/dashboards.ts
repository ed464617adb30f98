import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';

const folder = fileURLToPath(new URL('../../deploy/grafana', import.meta.url));

/** The committed dashboards by the names of their files. */
export function committedDashboards(): ReadonlyMap<string, string> {
  return new Map(readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'utf8')]));
}

export interface PanelQuery {
  readonly dashboard: string;
  readonly panel: string;
  /** The kind of its datasource. */
  readonly source: string;
  readonly expr: string;
}

const isPanel = (panel: Panel | RowPanel): panel is Panel => panel.type !== 'row';

/** Panels that are no rows. */
export const panelsOf = ({ panels = [] }: Dashboard): readonly Panel[] => panels.filter(isPanel);

/** Every query of every panel. */
export function panelQueries(): readonly PanelQuery[] {
  return [...committedDashboards()].flatMap(([name, text]) =>
    panelsOf(JSON.parse(text) as Dashboard).flatMap(({ title = '', targets = [] }) =>
      targets.map(target => {
        const { datasource, expr, query } = target as unknown as {
          datasource: { type: string };
          expr?: string;
          query?: string;
        };
        return { dashboard: name, panel: title, source: datasource.type, expr: expr ?? query ?? '' };
      }),
    ),
  );
}

/** What each variable asks of Prometheus: `label_values(match, label)`. */
export function variableQueries(): readonly { dashboard: string; match: string; label: string }[] {
  return [...committedDashboards()].flatMap(([name, text]) =>
    ((JSON.parse(text) as Dashboard).templating.list ?? []).flatMap(({ type, query }) => {
      const [, match, label] = /^label_values\((.+), (\w+)\)$/.exec(String(query)) ?? [];
      return type === 'query' && match !== undefined && label !== undefined ? [{ dashboard: name, match, label }] : [];
    }),
  );
}

/** A query as Grafana sends it, with these values of its variables. */
export function withValues(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole);
}
