import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { chartKinds, foreignKinds } from '../../scripts/chart/kinds.ts';
import { chart, chartSkip, helm, render, renderText, valueSets } from '../support/chart.ts';
import { committedSchemas, kubeconform, writeSchemas } from '../support/kubeconform.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('the chart by schema', { skip: chartSkip('kubeconform') }, () => {
  for (const [name, file] of valueSets) {
    it(`lints with ${name}`, () => {
      const { status, output } = helm('lint', ['-f', file]);
      assert.equal(status, 0, output);
    });

    it(`makes valid objects with ${name}`, t => {
      const folder = temporaryDirectory(t);
      writeSchemas(folder, committedSchemas());
      const text = renderText(['-f', file]);
      const { status, output } = kubeconform(folder, text);
      assert.equal(status, 0, output);
      const objects = render(name).objects;
      const foreign = objects.filter(one => (foreignKinds as readonly string[]).includes(one.kind)).length;
      const valid = objects.length - foreign;
      assert.match(output, new RegExp(`Valid: ${valid}, Invalid: 0, Errors: 0, Skipped: ${foreign}\\b`));
    });
  }

  it('makes nothing of a kind that no schema is kept of', () => {
    const known = [...chartKinds.map(kind => kind.split('/').at(-1)), ...foreignKinds];
    const made = new Set([...valueSets.keys()].flatMap(name => render(name).objects.map(one => one.kind)));
    assert.deepEqual(
      [...made].filter(kind => !known.includes(kind)),
      [],
    );
    assert.deepEqual(
      known.filter(kind => kind !== undefined && !made.has(kind)),
      [],
      'kinds that no value set makes',
    );
  });

  it('refuses by those schemas what Kubernetes would', t => {
    const folder = temporaryDirectory(t);
    writeSchemas(folder, committedSchemas());
    const text = renderText(['-f', valueSets.get('external-database') ?? '']);
    const wrong: [change: string, to: string, because: RegExp][] = [
      ['automountServiceAccountToken: false', 'automountServiceAccountToken: "no"', /got string, want boolean/],
      ['terminationGracePeriodSeconds:', 'terminationGraceSeconds:', /additional properties 'terminationGraceSeconds'/],
      ['matchLabels:', 'matchLabel:', /additional properties 'matchLabel'/],
    ];
    for (const [change, to, because] of wrong) {
      assert.ok(text.includes(change), change);
      const { status, output } = kubeconform(folder, text.replace(change, to));
      assert.equal(status, 1, output);
      assert.match(output, because);
    }
  });

  it('shows examples that are valid CronJob resources', t => {
    const folder = temporaryDirectory(t);
    writeSchemas(folder, committedSchemas());
    const { annotations } = load(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as {
      annotations: Record<string, string>;
    };
    const examples = load(annotations['artifacthub.io/crdsExamples'] ?? '') as object[];
    const text = examples.map(one => JSON.stringify(one)).join('\n---\n');
    const { status, output } = kubeconform(folder, text);
    assert.equal(status, 0, output);
    assert.match(output, /Valid: 1,/);
    assert.equal(kubeconform(folder, text.replace('"schedule"', '"shedule"')).status, 1);
  });
});
