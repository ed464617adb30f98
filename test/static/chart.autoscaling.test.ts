import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { chart, chartSkip, helm, render, valueSets } from '../support/chart.ts';

const set = 'external-database';
const keda = ['worker.autoscaling.kind=keda', 'worker.autoscaling.keda.serverAddress=http://prometheus:9090'];

interface AdapterRules {
  readonly rules: readonly { readonly seriesQuery: string; readonly name: { readonly as: string } }[];
  readonly externalRules: AdapterRules['rules'];
}

describe('the autoscaling of workers', { skip: chartSkip() }, () => {
  it('is none, one HorizontalPodAutoscaler or one ScaledObject', () => {
    const count = (...values: string[]): [number, number] => {
      const rendered = render(set, ...values);
      return [rendered.all('HorizontalPodAutoscaler').length, rendered.all('ScaledObject').length];
    };
    assert.deepEqual(count(), [0, 0]);
    assert.deepEqual(count('worker.autoscaling.kind=hpa'), [1, 0]);
    assert.deepEqual(count(...keda), [0, 1]);
    const { status, output } = helm('template', [
      '-f',
      valueSets.get(set) ?? '',
      '--set',
      'worker.autoscaling.kind=both',
    ]);
    assert.notEqual(status, 0);
    assert.match(output, /at '\/worker\/autoscaling\/kind': value must be one of 'none', 'hpa', 'keda'/);
  });

  it('alone says how many there are', () => {
    const replicas = (...values: string[]): unknown =>
      render(set, ...values).get('Deployment', 'worker').spec?.replicas;
    assert.equal(replicas('worker.replicas=4'), 4);
    assert.equal(replicas('worker.autoscaling.kind=hpa'), undefined);
    assert.equal(replicas(...keda), undefined);
  });

  it('goes by saturation and backlog, slowly down', () => {
    const { spec } = render('hpa').get('HorizontalPodAutoscaler', 'worker');
    assert.deepEqual(spec?.scaleTargetRef, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cronmesh-worker' });
    assert.deepEqual([spec?.minReplicas, spec?.maxReplicas], [1, 20]);
    assert.deepEqual(spec?.metrics, [
      {
        type: 'Pods',
        pods: {
          metric: { name: 'cronmesh_worker_saturation' },
          target: { type: 'AverageValue', averageValue: '700m' },
        },
      },
      {
        type: 'External',
        external: {
          metric: { name: 'cronmesh_triggers_waiting', selector: { matchLabels: { executor: 'shell' } } },
          target: { type: 'AverageValue', averageValue: '20' },
        },
      },
    ]);
    assert.deepEqual((spec as { behavior: { scaleDown: unknown } }).behavior.scaleDown, {
      stabilizationWindowSeconds: 300,
      policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
    });
  });

  it('asks the same of Prometheus for KEDA, for one worker', () => {
    const triggers = (suffix: string) => {
      const { spec } = render('keda').get('ScaledObject', suffix);
      return (spec as { triggers: { metadata: { query: string; threshold: string } }[] }).triggers.map(
        one => one.metadata,
      );
    };
    const serverAddress = 'http://prometheus.monitoring:9090';
    assert.deepEqual(triggers('worker'), [
      {
        serverAddress,
        query: 'sum(cronmesh_worker_saturation{namespace="cronmesh",pod=~"cronmesh-worker-[0-9a-z]+-[0-9a-z]+"})',
        threshold: '0.7',
      },
      { serverAddress, query: 'max(cronmesh_triggers_waiting{namespace="cronmesh"})', threshold: '20' },
    ]);
    assert.deepEqual(
      triggers('kubernetes-worker').map(one => one.threshold),
      ['0.5'],
    );
  });

  it('has rules for prometheus-adapter of every metric that it asks for', () => {
    const rules = load(readFileSync(join(chart, 'files/prometheus-adapter-rules.yaml'), 'utf8')) as AdapterRules;
    assert.deepEqual(
      rules.rules.map(one => one.name.as),
      ['cronmesh_worker_saturation'],
    );
    assert.deepEqual(
      rules.externalRules.map(one => one.name.as),
      ['cronmesh_triggers_waiting'],
    );
    const { data } = render('hpa').get('ConfigMap', 'prometheus-adapter');
    assert.deepEqual(load(data?.['config.yaml'] ?? ''), rules);
  });
});

describe('the monitoring', { skip: chartSkip() }, () => {
  const annotations = (name: string, deployment: string): Record<string, string> => {
    const template = render(name).get('Deployment', deployment).spec?.template as {
      metadata: { annotations: Record<string, string> };
    };
    return template.metadata.annotations;
  };

  it('is by annotations, where nothing else is said', () => {
    const ports = { master: '8080', worker: '8081', 'kubernetes-worker': '8081', operator: '8082' };
    for (const [deployment, port] of Object.entries(ports)) {
      const found = annotations('tryout', deployment);
      assert.deepEqual(
        ['scrape', 'port', 'path'].map(name => found[`prometheus.io/${name}`]),
        ['true', port, '/metrics'],
      );
    }
  });

  it('is by one way alone', () => {
    for (const [name, monitors] of [
      ['hpa', [1, 0]],
      ['keda', [0, 1]],
      ['cluster-wide', [0, 0]],
    ] as const) {
      const rendered = render(name);
      assert.deepEqual([rendered.all('ServiceMonitor').length, rendered.all('PodMonitor').length], monitors, name);
      assert.equal(annotations(name, 'worker')['prometheus.io/scrape'], undefined, name);
    }
  });

  it('by ServiceMonitor finds each program’s Service once', () => {
    const rendered = render('hpa', 'operator.enabled=true');
    const { selector } = rendered.get('ServiceMonitor', 'metrics').spec as {
      selector: { matchLabels: Record<string, string> };
    };
    const { matchLabels } = selector;
    const found = rendered
      .all('Service')
      .filter(({ metadata }) => Object.entries(matchLabels).every(([key, value]) => metadata.labels?.[key] === value))
      .map(({ metadata }) => metadata.name)
      .sort();
    assert.deepEqual(found, ['cronmesh', 'cronmesh-kubernetes-worker', 'cronmesh-operator', 'cronmesh-worker']);
  });
});
