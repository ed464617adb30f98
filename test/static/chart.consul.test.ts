import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { chart, chartSkip, container, environmentOf, type PodSpec, render } from '../support/chart.ts';
import { consulBinary, consulSkip } from '../support/consul.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const agentConfig = (set: string, ...values: string[]): Record<string, unknown> =>
  JSON.parse(render(set, ...values).get('ConfigMap', 'consul-agent').data?.['agent.json'] ?? '');

const names = (pod: PodSpec): string[] => (pod.initContainers ?? []).map(one => one.name);

describe('the Consul agent beside each program', { skip: chartSkip() }, () => {
  it('is a native sidecar, named as its pod, in its pod’s network', () => {
    const rendered = render('tryout');
    for (const name of ['master', 'worker', 'kubernetes-worker', 'operator']) {
      const agent = container(rendered.pod('Deployment', name), 'consul');
      assert.ok(names(rendered.pod('Deployment', name)).includes('consul'));
      assert.equal(agent.restartPolicy, 'Always');
      // On a native sidecar it would end the agent before the program.
      assert.equal(agent.lifecycle, undefined);
      assert.deepEqual(agent.command, ['consul', 'agent']);
      for (const flag of ['-node=$(POD_NAME)', '-bind=$(POD_IP)', '-advertise=$(POD_IP)']) {
        assert.ok(agent.args?.includes(flag), flag);
      }
      const { POD_NAME, POD_IP } = environmentOf(agent);
      assert.match(POD_NAME ?? '', /metadata\.name/);
      assert.match(POD_IP ?? '', /status\.podIP/);
      assert.equal(agent.startupProbe?.exec?.command[0], 'sh');
      assert.deepEqual([agent.readinessProbe, agent.livenessProbe], [undefined, undefined]);
      assert.equal(
        environmentOf(container(rendered.pod('Deployment', name), name)).CONSUL_HTTP_ADDR,
        'http://127.0.0.1:8500',
      );
    }
  });

  it('joins the servers, answers its pod alone, and leaves when it ends', () => {
    const config = agentConfig('external-database');
    assert.deepEqual(config, {
      datacenter: 'dc1',
      server: false,
      data_dir: '/consul/data',
      client_addr: '127.0.0.1',
      retry_join: ['consul-server.consul.svc.cluster.local'],
      retry_interval: '2s',
      leave_on_terminate: true,
      disable_update_check: true,
      log_level: 'warn',
      ports: { dns: -1, grpc: -1, grpc_tls: -1 },
    });
    const { retry_join } = agentConfig('tryout');
    assert.deepEqual(retry_join, ['cronmesh-consul-server.cronmesh.svc.cluster.local']);
  });

  it('has its secrets from files that an init container writes into memory', () => {
    const rendered = render('sidecar-secure');
    const pod = rendered.pod('Deployment', 'worker');
    assert.deepEqual(names(pod), ['consul-secrets', 'consul']);
    assert.equal(container(pod, 'consul-secrets').restartPolicy, undefined);
    assert.ok(container(pod, 'consul').args?.includes('-config-file=/consul/secret-config/secrets.json'));
    const volume = pod.volumes?.find(one => one.name === 'consul-secret-config');
    assert.deepEqual(volume?.emptyDir, { medium: 'Memory', sizeLimit: '1Mi' });
    assert.deepEqual(pod.volumes?.find(one => one.name === 'consul-secrets')?.projected, {
      sources: [
        { secret: { name: 'consul-gossip-encryption-key', items: [{ key: 'key', path: 'gossip' }] } },
        { secret: { name: 'cronmesh-consul', items: [{ key: 'agent-token', path: 'agent-token' }] } },
      ],
    });
    assert.match(
      environmentOf(container(pod, 'worker')).CONSUL_HTTP_TOKEN ?? '',
      /"name":"cronmesh-consul","key":"token"/,
    );
    assert.deepEqual(names(render('external-database').pod('Deployment', 'worker')), ['consul']);
  });

  it('is not there with the node’s agent, whose checks find the pod by its own address', () => {
    const rendered = render('node-agent');
    const pod = rendered.pod('Deployment', 'worker');
    assert.equal(pod.initContainers, undefined);
    const environment = environmentOf(container(pod, 'worker'));
    assert.match(environment.HOST_IP ?? '', /status\.hostIP/);
    assert.equal(environment.CONSUL_HTTP_ADDR, 'https://$(HOST_IP):8501');
    assert.equal(environment.NODE_EXTRA_CA_CERTS, '/consul/tls/ca.crt');
    assert.match(environment.CRONMESH_ADVERTISE_ADDRESS ?? '', /status\.podIP/);
    assert.ok(container(pod, 'worker').volumeMounts?.some(mount => mount.mountPath === '/consul/tls'));
    // A variable is only known to those after it.
    const order = Object.keys(environment);
    assert.ok(order.indexOf('HOST_IP') < order.indexOf('CONSUL_HTTP_ADDR'));
    assert.equal(rendered.find('ConfigMap', 'consul-agent'), undefined);
  });

  it('is not there with an external address', () => {
    const pod = render('keda').pod('Deployment', 'worker');
    assert.equal(pod.initContainers, undefined);
    assert.equal(environmentOf(container(pod, 'worker')).CONSUL_HTTP_ADDR, 'http://consul.example.com:8500');
  });

  it('finds the release’s own server in every mode', () => {
    const inside = ['consul.server.enabled=true', 'consul.agent.mode=external', 'consul.agent.external.address='];
    const rendered = render('external-database', ...inside);
    const pod = rendered.pod('Deployment', 'worker');
    const address = 'http://cronmesh-consul-server.cronmesh.svc.cluster.local:8500';
    assert.equal(environmentOf(container(pod, 'worker')).CONSUL_HTTP_ADDR, address);
    const server = (of: typeof rendered): Record<string, unknown> =>
      JSON.parse(of.get('ConfigMap', 'consul-server').data?.['server.json'] ?? '');
    assert.equal(server(rendered).client_addr, '0.0.0.0');
    assert.equal(server(render('tryout')).client_addr, '127.0.0.1');
    assert.deepEqual(server(rendered).performance, { raft_multiplier: 1 });
  });
});

describe('the agent’s secrets', () => {
  const script = join(chart, 'files/consul-secrets.sh');
  const write = (folder: string, files: Record<string, string>) => {
    const secrets = join(folder, 'secrets');
    mkdirSync(secrets, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(secrets, name), text);
    const to = join(folder, 'secrets.json');
    const { status, stderr } = spawnSync('sh', [script, secrets, to], { encoding: 'utf8' });
    return { status, stderr, to };
  };
  const gossip = 'pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=';
  const token = '6aa1b29b-7d6c-4f5e-9d3a-000000000000';

  it('become configuration that nobody else may read', t => {
    for (const [files, made] of [
      [{ gossip }, { encrypt: gossip }],
      [{ 'agent-token': `${token}\n` }, { acl: { tokens: { agent: token } } }],
      [
        { gossip: `${gossip}\n`, 'agent-token': token },
        { encrypt: gossip, acl: { tokens: { agent: token } } },
      ],
    ] as const) {
      const { status, stderr, to } = write(temporaryDirectory(t), files);
      assert.equal(status, 0, stderr);
      assert.deepEqual(JSON.parse(readFileSync(to, 'utf8')), made);
      assert.equal(statSync(to).mode & 0o777, 0o600);
    }
  });

  it('are refused, unshown, where they are no keys', t => {
    for (const text of ['', 'a"b', 'two words']) {
      const { status, stderr } = write(temporaryDirectory(t), { gossip: text });
      assert.equal(status, 2);
      assert.equal(stderr, 'gossip: must be letters, digits, and + / = _ - only\n');
    }
  });
});

describe('the agent’s configuration', { skip: chartSkip() || consulSkip() }, () => {
  it('is one that Consul takes, in every form', t => {
    const folder = temporaryDirectory(t);
    const consul = consulBinary() ?? '';
    const made = spawnSync(consul, ['tls', 'ca', 'create'], { cwd: folder, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const created = spawnSync(consul, ['tls', 'cert', 'create', '-client'], { cwd: folder, encoding: 'utf8' });
    assert.equal(created.status, 0, created.stderr);
    const here = join(folder, 'here.json');
    writeFileSync(here, JSON.stringify({ bind_addr: '127.0.0.1' }));
    const place: [from: RegExp, to: string][] = [
      [/\/consul\/tls\/ca\.crt/g, join(folder, 'consul-agent-ca.pem')],
      [/\/consul\/tls\/tls\.crt/g, join(folder, 'dc1-client-consul-0.pem')],
      [/\/consul\/tls\/tls\.key/g, join(folder, 'dc1-client-consul-0-key.pem')],
      [/\/consul\/data/g, join(folder, 'data')],
    ];
    for (const set of ['external-database', 'tryout', 'sidecar-secure', 'cluster-wide']) {
      for (const [name, file] of [
        ['consul-agent', 'agent.json'],
        ['consul-server', 'server.json'],
      ] as const) {
        const text = render(set).find('ConfigMap', name)?.data?.[file];
        if (text === undefined) continue;
        const path = join(folder, `${set}-${file}`);
        writeFileSync(
          path,
          place.reduce((all, [from, to]) => all.replace(from, to), text),
        );
        const { status, stdout, stderr } = spawnSync(consul, ['validate', path, here], { encoding: 'utf8' });
        assert.equal(status, 0, `${set} ${file}: ${stdout}${stderr}`);
      }
    }
    const secrets = join(folder, 'gossip.json');
    writeFileSync(secrets, '{"encrypt":"no key","bind_addr":"127.0.0.1","data_dir":"/tmp"}');
    assert.notEqual(spawnSync(consul, ['validate', secrets]).status, 0);
    const wrong = join(folder, 'wrong.json');
    writeFileSync(wrong, JSON.stringify({ ...agentConfig('tryout'), leave_on_termination: true }));
    assert.notEqual(spawnSync(consul, ['validate', wrong]).status, 0);
  });
});
