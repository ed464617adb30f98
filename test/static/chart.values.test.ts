import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { chartReadme } from '../../scripts/chart/readme.ts';
import { valuesTables } from '../../scripts/chart/values-docs.ts';
import { chart, chartSkip, helm, type KubernetesObject, render, valueSets } from '../support/chart.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const good = valueSets.get('external-database') ?? '';

describe('a values file with a mistake', { skip: chartSkip() }, () => {
  const mistakes: [values: string, because: RegExp][] = [
    ['worker: {replica: 3}', /at '\/worker': additional properties 'replica' not allowed/],
    ['workers: {replicas: 3}', /additional properties 'workers' not allowed/],
    ['master: {replicas: two}', /at '\/master\/replicas': got string, want integer/],
    ['worker: {executors: [shell, kubernetes]}', /at '\/worker\/executors\/1': value must be one of 'shell', 'http'/],
    [
      'kubernetesWorker: {executors: [shell]}',
      /at '\/kubernetesWorker\/executors\/0': value must be one of 'kubernetes', 'http'/,
    ],
    [
      'consul: {agent: {mode: daemonset}}',
      /at '\/consul\/agent\/mode': value must be one of 'sidecar', 'node', 'external'/,
    ],
    ['worker: {labels: {"a=b": c}}', /at '\/worker\/labels': additional properties 'a=b' not allowed/],
    ['image: {digest: "1234"}', /at '\/image\/digest': '1234' does not match pattern/],
    [
      'database: {existingSecret: ""}',
      /database\.existingSecret is empty: name a Secret .* or set postgresql\.enabled=true/,
    ],
    ['postgresql: {enabled: true}', /database\.existingSecret and postgresql\.enabled exclude each other/],
    [
      'consul: {agent: {retryJoin: []}}',
      /consul\.agent\.retryJoin is empty: list the DNS names of your Consul servers/,
    ],
    ['consul: {agent: {mode: external}}', /consul\.agent\.external\.address is empty/],
    ['consul: {tls: {enabled: true}}', /consul\.tls\.caSecret is empty/],
    ['consul: {acl: {enabled: true}}', /consul\.acl\.existingSecret is empty/],
    [
      'consul: {server: {enabled: true}, acl: {enabled: true, existingSecret: a}}',
      /consul\.server\.enabled is for trying out/,
    ],
    [
      'grpc: {tls: {masterSecret: a, masterVolume: {csi: {driver: b}}}}',
      /grpc\.tls\.masterSecret and grpc\.tls\.masterVolume exclude each other/,
    ],
    ['grpc: {tls: {masterSecret: a}}', /grpc\.tls\.workerVolume is empty: .* or set grpc\.tls\.certManager\.issuer/],
    ['grpc: {tls: {workerVolume: {csi: {driver: a}}}}', /grpc\.tls\.masterSecret is empty: workers with a certificate/],
    [
      'grpc: {tls: {masterSecret: a, workerVolume: {secret: {secretName: b}}}}',
      /grpc\.tls\.workerVolume is a Secret, which all pods share/,
    ],
    ['grpc: {tls: {masterVolume: {csi: {}, secret: {}}}}', /at '\/grpc\/tls\/masterVolume': maxProperties/],
    ['grpc: {tls: {certManager: {issuer: a, duration: 1 day}}}', /'\/grpc\/tls\/certManager\/duration'/],
    ['http: {tls: {caSecret: a}}', /at '\/http\/tls': additional properties 'caSecret' not allowed/],
    ['auth: {tokensSecret: A}', /at '\/auth\/tokensSecret': 'A' does not match pattern/],
    ['tests: {tokenSecret: a}', /tests\.tokenSecret is set and auth\.tokensSecret is empty/],
    ['logs: {loki: {tenant: a}}', /logs\.loki\.tenant is set and logs\.loki\.url is empty/],
    ['logs: {loki: {url: "https://a:b@loki"}}', /at '\/logs\/loki\/url': .* does not match pattern/],
    ['logs: {loki: {url: "http://loki", caSecret: a}}', /logs\.loki\.caSecret is the CA of an https URL/],
    ['logs: {loki: {url: "http://loki", tokenKey: a}}', /logs\.loki\.credentialsSecret is empty/],
    ['tracing: {endpoint: "collector:4317"}', /at '\/tracing\/endpoint': 'collector:4317' does not match pattern/],
    ['sources: {nacos: {address: [nacos]}}', /at '\/sources\/nacos\/address\/0': 'nacos' does not match pattern/],
    ['sources: {nacos: {credentialsSecret: a}}', /sources\.nacos\.address is empty/],
    [
      'database: {existingSecret: "", caSecret: a}\npostgresql: {enabled: true}',
      /database\.caSecret is for your own PostgreSQL/,
    ],
    ['gateway: {enabled: true}', /gateway\.parentRefs is empty/],
    ['worker: {secretAccess: {enabled: true}}', /worker\.secretAccess is enabled and names nothing/],
    ['worker: {autoscaling: {kind: keda}}', /worker\.autoscaling\.keda\.serverAddress is empty/],
    [
      'worker: {autoscaling: {kind: hpa, minReplicas: 9, maxReplicas: 3}}',
      /minReplicas \(9\) is more than maxReplicas \(3\)/,
    ],
  ];
  for (const [values, because] of mistakes) {
    it(`is refused: ${values}`, t => {
      const file = join(temporaryDirectory(t), 'values.yaml');
      writeFileSync(file, values);
      const { status, output } = helm('template', ['-f', good, '-f', file]);
      assert.notEqual(status, 0, 'it was accepted');
      assert.match(output, because);
    });
  }
});

describe('the definition of the custom resource', { skip: chartSkip() }, () => {
  const file = join(chart, 'files/crds/cronjobs.cronmesh.io.yaml');

  it('is in the release as it is in files/crds, and kept', () => {
    const [made] = render('external-database').all('CustomResourceDefinition');
    const { metadata, ...source } = load(readFileSync(file, 'utf8')) as KubernetesObject;
    assert.deepEqual({ ...made, metadata: undefined }, { ...source, metadata: undefined });
    assert.equal(made?.metadata.name, metadata.name);
    assert.equal(made?.metadata.annotations?.['helm.sh/resource-policy'], 'keep');
  });

  it('goes, and is not there at all, where the values say so', () => {
    const [gone] = render('cluster-wide').all('CustomResourceDefinition');
    assert.equal(gone?.metadata.annotations?.['helm.sh/resource-policy'], undefined);
    assert.deepEqual(render('external-database', 'crds.install=false').all('CustomResourceDefinition'), []);
  });
});

describe('files that are made of others', () => {
  it('are what they are made of', () => {
    const readme = readFileSync(join(chart, 'README.md'), 'utf8');
    assert.equal(readme, chartReadme(chart), 'run npm run generate:chart-docs');
  });

  it('have the chart’s version of the program', () => {
    const { version } = JSON.parse(readFileSync(join(chart, '../../package.json'), 'utf8')) as { version: string };
    const text = readFileSync(join(chart, 'Chart.yaml'), 'utf8');
    assert.equal((load(text) as { appVersion: string }).appVersion, version);
    assert.match(text, new RegExp(`image: cronmesh/cronmesh:${version}$`, 'm'));
  });

  it('have a line for each value with a comment', () => {
    const yaml = '# How | many.\n# At once.\nreplicas: 2\n\n# A part.\npart:\n  a: {b: 1}\n  # Deep.\n  c: ""\n';
    assert.equal(
      valuesTables(yaml),
      [
        '| value | default | |\n| --- | --- | --- |\n| `replicas` | `2` | How \\| many. At once. |',
        '### part',
        'A part.',
        '| value | default | |\n| --- | --- | --- |\n| `part.a` | `{"b":1}` |  |\n| `part.c` | – | Deep. |',
      ].join('\n\n'),
    );
  });
});
