import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboards, dashboardText } from '../../scripts/grafana/dashboards.ts';
import { committedDashboards, panelQueries, panelsOf } from '../support/dashboards.ts';
import { documentedMetrics } from '../support/metrics.ts';
import { ruleFiles, rulesOf } from '../support/rules.ts';

const committed = committedDashboards();
const parsed = [...committed].map(([name, text]) => [name, JSON.parse(text) as Dashboard] as const);

/** What they are made of is held by Grafana's own types, when scripts/grafana is compiled. */
describe('the dashboards of deploy/grafana', () => {
  it('are those that scripts/grafana makes (npm run generate:grafana)', () => {
    assert.deepEqual([...committed.keys()].sort(), [...dashboards().keys()].sort());
    for (const [name, dashboard] of dashboards()) assert.equal(committed.get(name), dashboardText(dashboard), name);
  });

  it('have a uid and a title of their own, and lead to one another and to the page', () => {
    assert.equal(new Set(parsed.map(([, { uid }]) => uid)).size, 5);
    assert.equal(new Set(parsed.map(([, { title }]) => title)).size, 5);
    for (const [name, { uid = '', links = [], tags }] of parsed) {
      assert.match(uid, /^[a-z-]{8,40}$/, name);
      assert.deepEqual(tags, ['cronmesh']);
      assert.ok(
        links.some(({ type, tags: of }) => type === 'dashboards' && of.includes('cronmesh')),
        name,
      );
      assert.ok(
        links.some(({ url }) => url?.startsWith('$publicUrl/')),
        name,
      );
    }
  });

  it('say of each panel what it shows, from a datasource that can be chosen', () => {
    for (const [name, dashboard] of parsed) {
      const panels = panelsOf(dashboard);
      assert.equal(new Set(dashboard.panels?.map(({ id }) => id)).size, dashboard.panels?.length, name);
      for (const { title, description = '', targets = [], datasource } of panels) {
        assert.ok(description.length >= 8, `${name}: ${title} says what it shows`);
        assert.ok(targets.length > 0, `${name}: ${title} asks for something`);
        assert.match(datasource?.uid ?? '', /^\$(datasource|loki|tempo)$/);
      }
    }
  });

  it('have no panel over another, or beside the page', () => {
    for (const [name, { panels = [] }] of parsed) {
      const taken = new Set<string>();
      for (const { title, gridPos } of panels) {
        const { x = 0, y = 0, w = 0, h = 0 } = gridPos ?? {};
        assert.ok(x + w <= 24, `${name}: ${title}`);
        for (let i = 0; i < w * h; i++) {
          const cell = `${x + (i % w)}/${y + Math.floor(i / w)}`;
          assert.ok(!taken.has(cell), `${name}: ${title} lies over another panel`);
          taken.add(cell);
        }
      }
    }
  });

  it('use only variables that they have', () => {
    for (const [name, { templating, ...rest }] of parsed) {
      const own = (templating.list ?? []).map(variable => variable.name);
      for (const [, used = ''] of JSON.stringify(rest).matchAll(/\$(\w+)/g)) {
        assert.ok(used.startsWith('__') || own.includes(used), `${name}: $${used}`);
      }
    }
  });

  it('ask Prometheus only for what docs/metrics.md has, and for recording rules', () => {
    const known = new Set<string | undefined>([
      ...documentedMetrics().flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
      ...ruleFiles.flatMap(file => rulesOf(readFileSync(file, 'utf8')).map(({ record }) => record)),
    ]);
    for (const { dashboard, panel, expr, source } of panelQueries()) {
      if (source !== 'prometheus') continue;
      for (const [name] of expr.matchAll(/\bcronmesh[_:][a-z0-9_:]+/g)) {
        assert.ok(known.has(name), `${dashboard}: ${panel}: ${name}`);
      }
    }
  });
});
