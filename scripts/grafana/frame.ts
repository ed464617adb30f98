import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { labelValues, source, textBox } from './variables.ts';

/** Where the web page is, as whoever looks says it. */
const publicUrl = '$publicUrl';

/** What all dashboards have: where metrics come from, which installation is meant, links to one another and the page. */
export function frame(uid: string, title: string, about: string): dashboard.DashboardBuilder {
  return new dashboard.DashboardBuilder(`Cronmesh / ${title}`)
    .uid(uid)
    .description(about)
    .tags(['cronmesh'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .readonly()
    .withVariable(source('datasource', 'Metrics', 'prometheus'))
    .withVariable(labelValues('namespace', 'Installation', 'label_values(cronmesh_build_info, namespace)'))
    .withVariable(textBox('publicUrl', 'Web page', 'http://localhost:8080'))
    .link(
      new dashboard.DashboardLinkBuilder('Cronmesh dashboards')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['cronmesh'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .link(
      new dashboard.DashboardLinkBuilder('Web page')
        .type(dashboard.DashboardLinkType.Link)
        .icon('external link')
        .url(`${publicUrl}/`)
        .targetBlank(true),
    );
}

/** A link beside those that all have. */
export function link(title: string, path: string): dashboard.DashboardLinkBuilder {
  return new dashboard.DashboardLinkBuilder(title)
    .type(dashboard.DashboardLinkType.Link)
    .icon('external link')
    .url(`${publicUrl}${path}`)
    .targetBlank(true);
}

export const row = (title: string): dashboard.RowBuilder => new dashboard.RowBuilder(title);
