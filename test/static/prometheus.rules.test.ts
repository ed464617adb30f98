import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { missedReasons } from '../../src/domain/notification/rules.ts';
import { chart, chartSkip, render } from '../support/chart.ts';
import { documentedMetrics } from '../support/metrics.ts';
import { alertRules, ruleFiles, rulesOf, ruleTests, runbookFolder, shortened } from '../support/rules.ts';
import { toolSkip } from '../support/tools.ts';

const text = ruleFiles.map(file => readFileSync(file, 'utf8')).join('\n');
const alerts = alertRules();

function promtool(...args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

describe('the rules for Prometheus', () => {
  describe('by promtool', { skip: toolSkip('promtool') }, () => {
    it('are valid', () => {
      const { status, output } = promtool('check', 'rules', '--lint=all', '--lint-fatal', ...ruleFiles);
      assert.equal(status, 0, output);
    });

    it('fire, do not fire and clear as their unit tests say', () => {
      const { status, output } = promtool('test', 'rules', ...ruleTests);
      assert.equal(status, 0, output);
    });
  });

  it('have a unit test for each alert: quiet, firing, and quiet again', () => {
    const tests = ruleTests.map(file => readFileSync(file, 'utf8')).join('\n');
    for (const { alert } of alerts) {
      const of = tests.split(/^ {2}- name: /m).find(part => part.startsWith(`${alert}\n`)) ?? '';
      const expected = [...of.matchAll(/exp_alerts:(.*)/g)].map(([, none]) =>
        none?.trim() === '[]' ? 'quiet' : 'fires',
      );
      assert.deepEqual(expected, ['quiet', 'fires', 'quiet'], alert);
    }
  });

  it('say how grave it is, what it is, and what to do', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels?.severity ?? '', /^(critical|warning)$/, alert);
      assert.deepEqual(Object.keys(annotations ?? {}), ['summary', 'description', 'runbook_url'], alert);
      assert.equal(annotations?.runbook_url, `docs/runbooks/${alert}.md`);
    }
  });

  it('have a runbook for each alert, and an alert for each runbook', () => {
    const pages = readdirSync(runbookFolder).filter(name => name !== 'README.md');
    assert.deepEqual(pages.sort(), alerts.map(({ alert }) => `${alert}.md`).sort());
    const index = readFileSync(join(runbookFolder, 'README.md'), 'utf8');
    for (const { alert } of alerts) {
      const page = readFileSync(join(runbookFolder, `${alert}.md`), 'utf8');
      const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
      assert.deepEqual(headings, ['What it means', 'How it was caused', 'What to look at', 'How to mend it'], alert);
      assert.ok(index.includes(`(${alert}.md)`), `docs/runbooks/README.md names ${alert}`);
    }
  });

  it('ask only for metrics that docs/metrics.md has, and for one another', () => {
    const known = new Set([
      ...documentedMetrics().flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
      ...rulesOf(text.replace(/^groups:\n/gm, (found, at: number) => (at === 0 ? found : ''))).map(
        ({ record }) => record,
      ),
    ]);
    for (const [name] of text.replace(/#.*$/gm, '').matchAll(/\bcronmesh[_:][a-z0-9_:]+/g)) {
      if (!name.startsWith('cronmesh.')) assert.ok(known.has(name), name);
    }
  });

  it('are in the chart as they are here', () => {
    for (const file of ruleFiles) {
      const copy = join(chart, 'files/prometheus', basename(file));
      assert.equal(readFileSync(copy, 'utf8'), readFileSync(file, 'utf8'), `copy ${basename(file)} into the chart`);
    }
  });

  it('are all in the chart’s PrometheusRule, with its runbooks', { skip: chartSkip() }, () => {
    const [rule] = render('hpa').objects.filter(({ kind }) => kind === 'PrometheusRule');
    assert.ok(rule?.spec);
    const { groups } = rule.spec as unknown as {
      groups: { rules: { expr: string; annotations?: Record<string, string> }[] }[];
    };
    const made = groups.flatMap(({ rules }) => rules);
    const wanted = ruleFiles.flatMap(file => rulesOf(readFileSync(file, 'utf8')));
    assert.deepEqual(
      made.map(({ expr }) => expr),
      wanted.map(({ expr }) => expr),
    );
    const urls = made.flatMap(({ annotations }) => annotations?.runbook_url ?? []);
    assert.deepEqual(
      urls,
      alerts.map(({ alert }) => `https://runbooks.example/cronmesh/${alert}.md`),
    );
  });

  it('take as missed what notifications take as missed', () => {
    const reasons = /reason=~"([\w|]+)"/.exec(text)?.[1]?.split('|') ?? [];
    assert.deepEqual(reasons.sort(), [...missedReasons].sort());
  });

  it('can be shortened for tests: ranges, waits, and thresholds that are times', () => {
    const rule = '      - alert: A\n        expr: max(x_lag_seconds) > 60 and rate(y[5m]) > 3\n        for: 10m\n';
    const short = '      - alert: A\n        expr: max(x_lag_seconds) > 1 and rate(y[5s]) > 3\n        for: 10s\n';
    assert.equal(shortened(rule, 60), short);
  });
});
