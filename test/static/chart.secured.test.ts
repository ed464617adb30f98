import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { workerOf } from '../../src/master/grpc/identity.ts';
import { chartSkip, container, environmentOf, type KubernetesObject, type Rendered, render } from '../support/chart.ts';

const components = ['master', 'worker', 'kubernetes-worker', 'operator'] as const;
type Component = (typeof components)[number];

interface Csi {
  readonly driver: string;
  readonly readOnly?: boolean;
  readonly volumeAttributes: Readonly<Record<string, string>>;
}

interface Volume {
  readonly name: string;
  readonly csi?: Csi;
  readonly secret?: { readonly secretName: string; readonly items: readonly { key: string; path: string }[] };
}

const program = (rendered: Rendered, name: Component) => container(rendered.pod('Deployment', name), name);
const environment = (rendered: Rendered, name: Component) => environmentOf(program(rendered, name));
const volume = (rendered: Rendered, name: Component, of: string): Volume | undefined =>
  (rendered.pod('Deployment', name).volumes as readonly Volume[] | undefined)?.find(one => one.name === of);

function annotationsOf(rendered: Rendered, name: Component): Readonly<Record<string, string>> {
  const { template } = rendered.get('Deployment', name).spec as { template: KubernetesObject };
  return template.metadata.annotations ?? {};
}

/** Where a file of the program comes from: `Secret[key]`; the program's variable names the file. */
function source(rendered: Rendered, name: Component, variable: string): string | undefined {
  const path = environment(rendered, name)[variable];
  if (path === undefined) return undefined;
  const mount = program(rendered, name).volumeMounts?.find(one => path.startsWith(`${one.mountPath}/`));
  assert.ok(mount, `${name}: nothing is mounted at ${path}`);
  assert.equal(mount.readOnly, true, path);
  // A file that is mounted by itself never changes.
  assert.equal('subPath' in mount, false, path);
  const from = volume(rendered, name, mount.name)?.secret;
  const file = path.slice(mount.mountPath.length + 1);
  const item = from?.items.find(one => one.path === file);
  assert.ok(item, `${name}: ${mount.name} has no ${file}`);
  return `${from?.secretName}[${item.key}]`;
}

const secured = () => render('secured');

describe('gRPC by TLS', { skip: chartSkip() }, () => {
  it('has a certificate of cert-manager for each pod: masters by name, workers by the name that they report under', () => {
    const of = (name: Component): Csi => {
      const csi = volume(secured(), name, 'grpc-tls')?.csi;
      assert.ok(csi, name);
      return csi;
    };
    const attributes = (name: Component) => of(name).volumeAttributes;
    for (const name of ['master', 'worker', 'kubernetes-worker'] as const) {
      assert.equal(of(name).driver, 'csi.cert-manager.io');
      assert.equal(of(name).readOnly, true, 'the driver asks for it');
      assert.equal(attributes(name)['csi.cert-manager.io/issuer-kind'], 'ClusterIssuer');
      assert.equal(attributes(name)['csi.cert-manager.io/fs-group'], '65532', 'the program can read it');
      for (const value of Object.values(attributes(name))) assert.equal(typeof value, 'string');
    }
    assert.equal(attributes('master')['csi.cert-manager.io/dns-names'], 'cronmesh-master');
    assert.equal(attributes('master')['csi.cert-manager.io/uri-sans'], undefined);
    const pod = 'cronmesh-worker-5c5547bd77-p42r6';
    const uri = attributes('worker')['csi.cert-manager.io/uri-sans']?.replace(/\$\{POD_NAME\}/, pod);
    assert.equal(workerOf({ subjectaltname: `URI:${uri}` }), pod);
    assert.match(environment(secured(), 'worker').CRONMESH_WORKER_NAME ?? '', /metadata\.name/);
    assert.equal(volume(secured(), 'operator', 'grpc-tls'), undefined);
  });

  it('has certificates of others where the values bring them', () => {
    const own = render('own-certificates');
    assert.equal(source(own, 'master', 'CRONMESH_GRPC_TLS_CERT_FILE'), 'cronmesh-masters[cert.pem]');
    assert.equal(source(own, 'master', 'CRONMESH_GRPC_TLS_KEY_FILE'), 'cronmesh-masters[key.pem]');
    assert.equal(source(own, 'master', 'CRONMESH_GRPC_TLS_CA_FILE'), 'cronmesh-masters[ca.pem]');
    assert.equal(volume(own, 'worker', 'grpc-tls')?.csi?.driver, 'certificates.example.com');
    const worker = environment(own, 'worker');
    assert.equal(worker.CRONMESH_GRPC_TLS_SERVER_NAME, 'masters.cronmesh.internal');
    assert.equal(worker.CRONMESH_GRPC_TLS_CERT_FILE, '/etc/cronmesh/grpc-tls/tls.crt');
  });

  it('is no HTTP/2 in plain text to whoever reads the Service', () => {
    const ports = (set: string) => JSON.stringify(render(set).get('Service', 'grpc').spec?.ports);
    assert.match(ports('external-database'), /kubernetes\.io\/h2c/);
    assert.doesNotMatch(ports('secured'), /appProtocol/);
  });
});

describe('REST and metrics by https', { skip: chartSkip() }, () => {
  it('have their certificates from Secrets, of the components that the values name', () => {
    const of = (set: string) => components.map(name => source(render(set), name, 'CRONMESH_HTTP_TLS_CERT_FILE'));
    const metrics = 'cronmesh-metrics[tls.crt]';
    assert.deepEqual(of('secured'), ['cronmesh-rest[tls.crt]', metrics, metrics, metrics]);
    assert.equal(source(secured(), 'master', 'CRONMESH_HTTP_TLS_KEY_FILE'), 'cronmesh-rest[tls.key]');
    const own = render('own-certificates');
    assert.equal(environment(own, 'worker').CRONMESH_HTTP_TLS_CERT_FILE, undefined);
    // The kubelet has no certificate to show.
    for (const name of components) assert.equal(environment(secured(), name).CRONMESH_HTTP_TLS_CA_FILE, undefined);
  });

  it('are asked for by probes, monitors and Services as such', () => {
    const protocol = (set: string, name: string) => JSON.stringify(render(set).get('Service', name).spec?.ports);
    assert.match(protocol('secured', ''), /"appProtocol":"https"/);
    assert.match(protocol('secured', 'worker'), /"appProtocol":"https"/);
    assert.match(protocol('own-certificates', 'worker'), /"appProtocol":"http"/);
    const own = render('own-certificates');
    assert.equal(program(own, 'master').livenessProbe?.httpGet?.scheme, 'HTTPS');
    assert.equal(program(own, 'worker').livenessProbe?.httpGet?.scheme, undefined);
    assert.equal(annotationsOf(own, 'master')['prometheus.io/scheme'], 'https');
    assert.equal(annotationsOf(own, 'worker')['prometheus.io/scheme'], undefined);
  });

  it('are asked for by the monitors of just those components', () => {
    interface Endpoint {
      readonly relabelings?: readonly { readonly regex: string; readonly replacement: string }[];
      readonly tlsConfig?: object;
    }
    const endpoint = (...values: string[]): Endpoint | undefined => {
      const { endpoints } = render('secured', ...values).get('ServiceMonitor', 'metrics').spec as {
        endpoints: Endpoint[];
      };
      return endpoints[0];
    };
    assert.equal(endpoint()?.relabelings?.[0]?.regex, 'kubernetes-worker|master|operator|worker');
    assert.deepEqual(endpoint()?.tlsConfig, { insecureSkipVerify: true });
    assert.equal(endpoint('http.tls.workerSecret=', 'http.tls.operatorSecret=')?.relabelings?.[0]?.regex, 'master');
    const none = endpoint('http.tls.workerSecret=', 'http.tls.operatorSecret=', 'http.tls.masterSecret=');
    assert.deepEqual([none?.relabelings, none?.tlsConfig], [undefined, undefined]);
  });

  it('are what helm test trusts and has a token for', () => {
    const of = (set: string) => environmentOf(container(render(set).pod('Pod', 'test-rest'), 'test'));
    assert.equal(of('secured').CRONMESH_SERVER, 'https://cronmesh.cronmesh.svc.cluster.local:8080');
    assert.equal(of('secured').CRONMESH_CACERT, '/etc/cronmesh/http-ca/ca.crt');
    assert.match(of('secured').CRONMESH_TOKEN ?? '', /cronmesh-test-token/);
    // The key stays with the masters.
    const volumes = JSON.stringify(secured().pod('Pod', 'test-rest').volumes);
    assert.match(volumes, /"secretName":"cronmesh-rest","items":\[\{"key":"ca.crt","path":"ca.crt"\}\]/);
    assert.equal(of('own-certificates').CRONMESH_CACERT, undefined);
    assert.match(of('own-certificates').CRONMESH_SERVER ?? '', /^https:/);
  });
});

describe('what else comes from Secrets', { skip: chartSkip() }, () => {
  it('reaches those programs alone that read it', () => {
    const of = (variable: string) => components.map(name => source(secured(), name, variable));
    const none = undefined;
    assert.deepEqual(of('CRONMESH_AUTH_TOKENS_FILE'), ['cronmesh-tokens[tokens.yaml]', none, none, none]);
    const database = 'database-ca[ca.crt]';
    assert.deepEqual(of('CRONMESH_DATABASE_CA_FILE'), [database, none, none, database]);
    assert.deepEqual(
      of('CRONMESH_LOGS_LOKI_CA_FILE'),
      components.map(() => 'loki-ca[ca.pem]'),
    );
  });

  it('restarts no pod when its names stay', () => {
    const checksums = Object.keys(annotationsOf(secured(), 'master')).filter(name => name.startsWith('checksum/'));
    assert.deepEqual(checksums, ['checksum/consul-agent']);
  });
});

describe('Loki, traces and Nacos', { skip: chartSkip() }, () => {
  const plain = (set: string, name: Component) => {
    const known = Object.entries(environment(render(set), name)).filter(([key]) => /LOGS_|TRACING_|SOURCES_/.test(key));
    const given = known.map(([key, value]) => [key, value.includes('secretKeyRef') ? 'secret' : value]);
    return loadConfig(name === 'kubernetes-worker' ? 'worker' : name, { environment: Object.fromEntries(given) });
  };

  it('are told to the programs as the values have them', () => {
    for (const name of components) {
      const { logs, sources, tracing } = plain('secured', name);
      const { url, tenant, username, password, token } = logs.loki;
      assert.deepEqual(
        { url, tenant, username, password, token },
        { url: 'https://loki-gateway.loki', tenant: 'ops', username: 'secret', password: 'secret', token: undefined },
      );
      assert.deepEqual(sources.nacos, {
        address: ['nacos-0.nacos:8848', 'nacos-1.nacos:8848'],
        namespace: 'prod',
        group: 'DEFAULT_GROUP',
        dataId: name === 'kubernetes-worker' ? 'cronmesh-pods' : 'cronmesh-prod',
        username: 'secret',
        password: 'secret',
      });
      assert.equal(tracing.endpoint, name === 'operator' ? undefined : 'http://otel-collector.monitoring:4318');
    }
    const { logs, sources } = plain('own-certificates', 'master');
    assert.deepEqual(
      [logs.loki.token, logs.loki.username, logs.loki.output, sources.nacos.username],
      ['secret', undefined, false, undefined],
    );
  });

  it('leave to Nacos what the values leave out, since the environment is stronger', () => {
    const live = /LOG_LEVEL|RETENTION_DAYS|WORKER_CAPACITY|WORKER_LABELS/;
    const said = (set: string, name: Component) =>
      Object.keys(environment(render(set), name)).filter(key => live.test(key));
    assert.deepEqual(said('secured', 'master'), []);
    assert.deepEqual(said('secured', 'worker'), []);
    assert.deepEqual(said('external-database', 'master'), ['CRONMESH_LOG_LEVEL', 'CRONMESH_HISTORY_RETENTION_DAYS']);
  });

  it('are let out to by the NetworkPolicies of those who go there', () => {
    interface Egress {
      readonly ports?: readonly { readonly port: number }[];
      readonly to?: readonly unknown[];
    }
    const rules = (name: Component, ...values: string[]): Egress[] =>
      (render('secured', ...values).get('NetworkPolicy', name).spec as { egress: Egress[] }).egress;
    const to = (name: Component, ...wanted: number[]) =>
      rules(name).filter(rule => JSON.stringify(rule.ports?.map(({ port }) => port)) === JSON.stringify(wanted));
    for (const name of components) {
      // 443 is also that of Kubernetes' API, for those who use it, but together with 6443.
      assert.match(JSON.stringify(to(name, 443)), /"kubernetes\.io\/metadata\.name":"loki"/, name);
      assert.match(JSON.stringify(to(name, 8848, 9848)), /"kubernetes\.io\/metadata\.name":"nacos"/, name);
      assert.equal(to(name, 4318).length, name === 'operator' ? 0 : 1, name);
    }
    const before = render('tryout').get('NetworkPolicy', 'master').spec?.egress as Egress[];
    const none = ['logs.loki.url=', 'logs.loki.tenant=', 'logs.loki.credentialsSecret=', 'logs.loki.caSecret='];
    const off = ['tracing.endpoint=', 'sources.nacos.address=null', 'sources.nacos.credentialsSecret='];
    assert.equal(rules('master', ...none, ...off).length, before.length);
  });
});
