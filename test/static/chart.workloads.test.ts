import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import type { Role } from '../../src/config/schema.ts';
import { chartSkip, container, environmentOf, type KubernetesObject, render, valueSets } from '../support/chart.ts';

const programs = { master: 'master', worker: 'worker', 'kubernetes-worker': 'worker', operator: 'operator' } as const;
const ports = { master: '8080', worker: '8081', operator: '8082' } as const;

/** What Kubernetes puts in the place of references. */
const resolved: Readonly<Record<string, string>> = {
  CRONMESH_ADVERTISE_ADDRESS: '10.1.2.3',
  CRONMESH_WORKER_NAME: 'cronmesh-worker-5c5547bd77-p42r6',
  DATABASE_URL: 'postgresql://cronmesh:secret@database/cronmesh',
  CONSUL_HTTP_TOKEN: '6aa1b29b-7d6c-4f5e-9d3a-000000000000',
  HOST_IP: '10.1.0.1',
  CRONMESH_LOGS_LOKI_USERNAME: 'cronmesh',
  CRONMESH_LOGS_LOKI_PASSWORD: 'secret',
  CRONMESH_LOGS_LOKI_TOKEN: 'secret',
  CRONMESH_SOURCES_NACOS_USERNAME: 'cronmesh',
  CRONMESH_SOURCES_NACOS_PASSWORD: 'secret',
};

function deployments(set: string): [name: keyof typeof programs, object: KubernetesObject][] {
  const rendered = render(set);
  return (Object.keys(programs) as (keyof typeof programs)[]).flatMap(name => {
    const object = rendered.find('Deployment', name);
    return object === undefined ? [] : [[name, object] as [keyof typeof programs, KubernetesObject]];
  });
}

describe('the programs of the chart', { skip: chartSkip() }, () => {
  for (const set of valueSets.keys()) {
    it(`take the settings that they get with ${set}`, () => {
      const rendered = render(set);
      const found = deployments(set);
      assert.ok(found.length >= 2);
      for (const [name] of found) {
        const program = container(rendered.pod('Deployment', name), name);
        const role: Role = programs[name];
        assert.deepEqual(program.args, [role]);
        const environment = Object.fromEntries(
          Object.entries(environmentOf(program)).map(([key, value]) => [
            key,
            (resolved[key] ?? value).replace('$(HOST_IP)', resolved.HOST_IP ?? ''),
          ]),
        );
        assert.doesNotMatch(Object.values(environment).join('\n'), /secretKeyRef|fieldRef/, 'resolve it above');
        const config = loadConfig(role, { environment });
        assert.equal(String(config.http.port), ports[role as keyof typeof ports]);
        assert.equal(config.advertise.address, '10.1.2.3');
        assert.equal(config.data.directory, '/var/lib/cronmesh');
        if (role !== 'worker') assert.equal(config.database.url, resolved.DATABASE_URL);
      }
    });

    it(`are asked for their health and readiness with ${set}`, () => {
      const rendered = render(set);
      for (const [name] of deployments(set)) {
        const program = container(rendered.pod('Deployment', name), name);
        const secured = environmentOf(program).CRONMESH_HTTP_TLS_CERT_FILE !== undefined;
        const asked = [program.startupProbe, program.livenessProbe, program.readinessProbe];
        assert.deepEqual(
          asked.map(probe => probe?.httpGet),
          ['/healthz', '/healthz', '/readyz'].map(path => ({
            path,
            port: 'http',
            ...(secured && { scheme: 'HTTPS' }),
          })),
        );
      }
    });
  }

  it('of a worker are what the pool’s values say', () => {
    const of = (name: string) => environmentOf(container(render('keda').pod('Deployment', name), name));
    const shell = of('worker');
    assert.equal(shell.CRONMESH_WORKER_EXECUTORS, 'shell,http');
    assert.equal(shell.CRONMESH_WORKER_LABELS, 'disk=ssd,zone=a');
    assert.match(shell.CRONMESH_WORKER_NAME ?? '', /metadata\.name/);
    assert.equal(of('kubernetes-worker').CRONMESH_WORKER_EXECUTORS, 'kubernetes,http');
  });

  it('are replaced one by one, the new one first', () => {
    for (const [, { spec }] of deployments('tryout')) {
      assert.deepEqual(spec?.strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    }
  });

  it('get the time to drain, and to leave Consul', () => {
    const grace = (set: string, ...values: string[]): unknown =>
      render(set, ...values).pod('Deployment', 'worker').terminationGracePeriodSeconds;
    assert.equal(grace('external-database'), 45);
    assert.equal(grace('hpa'), 620);
    assert.equal(grace('external-database', 'worker.drainSeconds=0', 'worker.terminationMarginSeconds=30'), 30);
  });

  it('are restarted by a change of their Consul agent’s configuration, and by nothing else of it', () => {
    const checksum = (...values: string[]): unknown => {
      const template = render('external-database', ...values).get('Deployment', 'worker').spec?.template;
      return (template as KubernetesObject).metadata.annotations?.['checksum/consul-agent'];
    };
    assert.match(String(checksum()), /^[0-9a-f]{64}$/);
    assert.equal(checksum(), checksum('master.replicas=5', 'commonLabels.a=b'));
    assert.notEqual(checksum(), checksum('consul.agent.retryJoin={elsewhere}'));
  });

  it('keep apart: over nodes by themselves, by the values where there are any', () => {
    const constraint = (set: string): unknown => render(set).pod('Deployment', 'worker').topologySpreadConstraints;
    const labelSelector = {
      matchLabels: {
        'app.kubernetes.io/name': 'cronmesh',
        'app.kubernetes.io/instance': 'cronmesh',
        'app.kubernetes.io/component': 'worker',
      },
    };
    assert.deepEqual(constraint('external-database'), [
      { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector },
    ]);
    assert.deepEqual(constraint('hpa'), [
      { maxSkew: 2, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector },
    ]);
  });

  it('are disrupted one at a time, or as the values say', () => {
    const budget = (name: string): Record<string, unknown> => render('hpa').get('PodDisruptionBudget', name).spec ?? {};
    assert.equal(budget('worker').maxUnavailable, 1);
    assert.deepEqual([budget('master').minAvailable, budget('master').maxUnavailable], [2, undefined]);
    assert.equal(render('tryout').find('PodDisruptionBudget', 'operator'), undefined);
  });

  it('are selected by labels that no value changes', () => {
    const selectors = (set: string) =>
      deployments(set).map(([, { spec }]) => (spec as { selector: { matchLabels: object } }).selector.matchLabels);
    assert.deepEqual(selectors('hpa')[0], selectors('external-database')[0]);
  });

  it('take what else a pod is given', () => {
    const { template } = render('hpa').get('Deployment', 'worker').spec as { template: KubernetesObject };
    assert.equal(template.metadata.labels?.['example.com/c'], 'd');
    assert.equal(template.metadata.annotations?.['example.com/a'], 'b');
    assert.equal(template.metadata.annotations?.['example.com/owner'], 'platform');
    const pod = render('hpa').pod('Deployment', 'worker');
    assert.deepEqual(
      pod.initContainers?.map(one => one.name),
      ['prepare', 'consul'],
    );
    assert.deepEqual(
      pod.containers.map(one => one.name),
      ['worker', 'shipper'],
    );
    const program = container(pod, 'worker');
    assert.equal(environmentOf(program).TZ, 'Europe/Berlin');
    assert.ok(program.volumeMounts?.some(mount => mount.mountPath === '/scripts'));
    assert.ok(pod.volumes?.some(volume => volume.name === 'scripts'));
  });

  it('have names that fit, however long the release’s is', () => {
    const long = render('tryout', `fullnameOverride=${'a'.repeat(40)}`, 'operator.watchNamespaces={shop}');
    for (const { kind, metadata } of long.objects) {
      if (['Service', 'Deployment', 'StatefulSet', 'Pod', 'Job'].includes(kind)) {
        assert.ok(metadata.name.length <= 63, metadata.name);
      }
    }
  });
});

describe('the NetworkPolicies', { skip: chartSkip() }, () => {
  it('cover every pod of the release, both ways', () => {
    for (const set of ['tryout', 'hpa', 'node-agent']) {
      const rendered = render(set);
      const policies = rendered.all('NetworkPolicy');
      const covered = policies.map(
        ({ spec }) =>
          (spec as { podSelector: { matchLabels: Record<string, string> } }).podSelector.matchLabels[
            'app.kubernetes.io/component'
          ],
      );
      const owners = [...rendered.all('Deployment'), ...rendered.all('StatefulSet'), ...rendered.all('Job')];
      const components = owners.map(one => one.metadata.labels?.['app.kubernetes.io/component']);
      assert.deepEqual([...new Set(covered)].sort(), [...new Set(components)].sort(), set);
      for (const { spec } of policies) assert.deepEqual(spec?.policyTypes, ['Ingress', 'Egress']);
    }
    assert.deepEqual(render('external-database').all('NetworkPolicy'), []);
  });

  it('let gossip in between agents, and the checks of agents elsewhere', () => {
    const open = (set: string, name: string): number[] => {
      const { ingress } = render(set).get('NetworkPolicy', name).spec as {
        ingress: { ports: { port: number }[] }[];
      };
      return [...new Set(ingress.flatMap(rule => rule.ports.map(one => one.port)))].sort();
    };
    assert.deepEqual(open('tryout', 'worker'), [8081, 8301]);
    assert.deepEqual(open('node-agent', 'worker'), [8081]);
    assert.deepEqual(open('tryout', 'master'), [8080, 8301, 9090]);
    assert.deepEqual(open('tryout', 'postgresql'), [5432]);
  });

  it('open REST to those alone that the values name', () => {
    interface Ingress {
      readonly ports: readonly { readonly port: number }[];
      readonly from?: readonly unknown[];
    }
    const from = (set: string, ...values: string[]): (readonly unknown[] | undefined)[] =>
      (render(set, ...values).get('NetworkPolicy', 'master').spec as { ingress: Ingress[] }).ingress
        .filter(rule => rule.ports.some(({ port }) => port === 8080))
        .map(rule => rule.from);
    assert.deepEqual(from('tryout'), [undefined]);
    for (const set of ['tryout', 'node-agent']) {
      const [only, ...more] = from(set, 'networkPolicy.masterFrom[0].ipBlock.cidr=10.0.0.0/8');
      assert.deepEqual(more, [], set);
      assert.deepEqual(only?.at(-1), { ipBlock: { cidr: '10.0.0.0/8' } });
    }
    assert.equal(from('hpa').length, 2);
    assert.ok(from('hpa').every(one => one !== undefined));
  });

  it('close what jobs may reach where the values do', () => {
    const egress = (set: string) => (render(set).get('NetworkPolicy', 'worker').spec as { egress: object[] }).egress;
    assert.ok(egress('tryout').some(rule => Object.keys(rule).length === 0));
    const closed = egress('hpa');
    assert.ok(closed.every(rule => Object.keys(rule).length > 0));
    assert.ok(JSON.stringify(closed).includes('169.254.0.0/16'));
  });
});
