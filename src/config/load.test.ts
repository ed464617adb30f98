import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigError, loadConfig } from './load.ts';
import { workerName } from './schema.ts';
import { environmentName } from './settings.ts';

function file(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'cronmesh-config-')), 'cronmesh.yaml');
  writeFileSync(path, text);
  return path;
}

describe('loadConfig', () => {
  it('has the documented ports as defaults', () => {
    const master = loadConfig('master', { environment: {} });
    assert.deepEqual([master.http.port, master.grpc.port], [8080, 9090]);
    assert.equal(loadConfig('worker', { environment: {} }).http.port, 8081);
    assert.equal(loadConfig('standalone', { environment: {} }).http.host, '127.0.0.1');
  });

  it('takes the environment over the file, and the file over the default', () => {
    const path = file('http:\n  port: 7000\nworker:\n  capacity: 5\n');
    const config = loadConfig('worker', { file: path, environment: { CRONMESH_HTTP_PORT: '7001' } });
    assert.deepEqual([config.http.port, config.worker.capacity], [7001, 5]);
  });

  it('refuses what can be no access to Loki, and takes a URL without the slash at its end', () => {
    const loki = (more: Record<string, string>) =>
      loadConfig('worker', { environment: { CRONMESH_LOGS_LOKI_URL: 'http://loki:3100/', ...more } }).logs.loki;
    assert.deepEqual(loki({}), { url: 'http://loki:3100', output: true });
    const refused: [more: Record<string, string>, because: RegExp][] = [
      [{ CRONMESH_LOGS_LOKI_URL: 'http://ada:secret@loki' }, /logs\.loki\.url .*must have no user: see username/],
      [{ CRONMESH_LOGS_LOKI_PASSWORD: 'secret' }, /logs\.loki\.username.*is missing: password is its password/],
      [
        { CRONMESH_LOGS_LOKI_USERNAME: 'ada', CRONMESH_LOGS_LOKI_TOKEN: 'secret' },
        /logs\.loki\.token .*must not be there with username: one of both/,
      ],
      [{ CRONMESH_LOGS_LOKI_TENANT: 'a b' }, /logs\.loki\.tenant .*must be up to 150 letters/],
    ];
    for (const [more, because] of refused) {
      assert.throws(
        () => loki(more),
        (error: Error) => because.test(error.message) && !/secret/.test(error.message),
      );
    }
  });

  it('takes rules of namespaces from a file, and as JSON from the environment', () => {
    const path = file('namespaces:\n  shop: { executors: [http] }\n  "*": { executors: [shell, http] }\n');
    const wanted = { shop: { executors: ['http'] }, '*': { executors: ['shell', 'http'] } };
    assert.deepEqual(loadConfig('master', { file: path, environment: {} }).namespaces, wanted);
    const environment = { CRONMESH_NAMESPACES: JSON.stringify(wanted) };
    assert.deepEqual(loadConfig('operator', { environment }).namespaces, wanted);
    assert.deepEqual(loadConfig('master', { environment: {} }).namespaces, {});
    const refused: [text: string, because: RegExp][] = [
      [
        '{"shop":{"executors":["shel"]}}',
        /namespaces\.shop\.executors\[0\] \(from CRONMESH_NAMESPACES\): must be one of "shell", "http"/,
      ],
      ['{"shop":{"executor":["shell"]}}', /namespaces\.shop\.executor .*is not a known field; did you mean executors/],
      ['{"Shop":{}}', /namespaces/],
      ['[', /namespaces \(from CRONMESH_NAMESPACES\): must be a mapping/],
    ];
    for (const [text, because] of refused)
      assert.throws(() => loadConfig('master', { environment: { CRONMESH_NAMESPACES: text } }), because);
  });

  it('reads the customary names, and its own name over them', () => {
    const environment = { DATABASE_URL: 'postgres://a/b', CONSUL_HTTP_ADDR: '10.0.0.1:8500', CONSUL_HTTP_TOKEN: 't' };
    const config = loadConfig('master', { environment });
    assert.equal(config.database.url, 'postgres://a/b');
    assert.equal(config.consul.address, 'http://10.0.0.1:8500');
    assert.equal(config.consul.token, 't');
    const own = loadConfig('master', { environment: { ...environment, CRONMESH_CONSUL_ADDRESS: 'http://c:1' } });
    assert.equal(own.consul.address, 'http://c:1');
  });

  it('reads labels and lists from the environment', () => {
    const config = loadConfig('worker', {
      environment: {
        CRONMESH_WORKER_LABELS: 'zone=a,disk=ssd',
        CRONMESH_WORKER_EXECUTORS: 'http',
        CRONMESH_WORKER_MODULES: './jobs,@shop/jobs',
      },
    });
    assert.deepEqual(config.worker.labels, { zone: 'a', disk: 'ssd' });
    assert.deepEqual(config.worker.executors, ['http']);
    assert.deepEqual(config.worker.modules, ['./jobs', '@shop/jobs']);
  });

  it('names the setting, its source and its value in one line', () => {
    const message = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        assert.doesNotMatch(error.message, /\n/);
        return error.message;
      }
      return assert.fail('no error');
    };
    assert.match(
      message(() => loadConfig('master', { environment: { CRONMESH_HTTP_PORT: '99999' } })),
      /http\.port \(from CRONMESH_HTTP_PORT\).*65535.*"99999"/,
    );
    assert.match(
      message(() => loadConfig('master', { environment: { CRONMESH_HTTP_PROT: '1' } })),
      /CRONMESH_HTTP_PROT is no setting.*CRONMESH_HTTP_PORT/,
    );
    assert.match(
      message(() => loadConfig('master', { file: file('htpp: {}\n'), environment: {} })),
      /htpp/,
    );
    assert.match(
      message(() => loadConfig('master', { file: file('a: [\n'), environment: {} })),
      /not YAML/,
    );
    assert.match(
      message(() => loadConfig('master', { file: '/nowhere/x.yaml', environment: {} })),
      /cannot read \/nowhere\/x.yaml/,
    );
    const masked = message(() => loadConfig('master', { environment: { DATABASE_URL: 'mysql://user:secret@h/d' } }));
    assert.match(masked, /database\.url \(from DATABASE_URL\).*postgresql:\/\//);
    assert.doesNotMatch(masked, /secret/);
  });

  for (const [environment, message] of [
    [{ CRONMESH_HTTP_PORT: 'abc' }, 'http.port (from CRONMESH_HTTP_PORT): must be a number (got "abc")'],
    [{ CRONMESH_WORKER_LABELS: 'gpu' }, 'must be pairs such as zone=a,disk=ssd (got "gpu")'],
    [
      { CRONMESH_WORKER_EXECUTORS: 'shell,perl' },
      'must be one of "shell", "http", "kubernetes", "module", "custom" (got "shell,perl")',
    ],
    [{ CONSUL_HTTP_ADDR: 'unix:///x' }, 'must be host:port, or an http or https URL (got "unix:///x")'],
    [{ DATABASE_URL: 'postgresql://u:50%off@h/d' }, 'in a password, write %25 for %'],
    [{ DATABASE_URL: 'postgresql://u:secret@h:port/d' }, 'must be a URL such as postgresql://user@host:5432/database'],
    [{ CRONMESH_HTPP_PORT: '1' }, 'CRONMESH_HTPP_PORT is no setting; did you mean CRONMESH_HTTP_PORT?'],
    [{ CRONMESH_WORKER_SHELL_USERS: 'nobody,a b' }, 'worker.shell.users[1] (from CRONMESH_WORKER_SHELL_USERS)'],
    [{ CRONMESH_WORKER_SHELL_USER: 'x' }, 'is no setting; did you mean CRONMESH_WORKER_SHELL_USERS?'],
    [
      { CRONMESH_WORKER_CALLBACK_URL: 'ftp://x' },
      'worker.callbackUrl (from CRONMESH_WORKER_CALLBACK_URL): must be an http',
    ],
    [{ CRONMESH_HTTP_PUBLIC_URL: 'http://x/?a' }, 'http.publicUrl (from CRONMESH_HTTP_PUBLIC_URL): must have no query'],
    [{ CRONMESH_GRPC_TLS: '1' }, 'those of its section are CRONMESH_GRPC_HOST, CRONMESH_GRPC_PORT'],
  ] as const) {
    it(`refuses ${Object.entries(environment).flat().join('=')}`, () => {
      assert.throws(
        () => loadConfig('worker', { environment }),
        error => error instanceof ConfigError && error.message.includes(message) && !error.message.includes('secret'),
        message,
      );
    });
  }

  for (const [text, message] of [
    [
      'http: { prt: 80 }',
      'http.prt (from FILE): is not a known field; did you mean port? Allowed here: host, port, publicUrl, pageOverlay, callbacksPerSecond, limits, tls (got 80)',
    ],
    ['http: 80', 'http (from FILE): must be a mapping (got 80)'],
    ['worker: { labels: { rank: 1 } }', 'worker.labels.rank (from FILE): must be a string; put it in quotes: "1"'],
    ['worker: { modules: [5] }', 'worker.modules[0] (from FILE): must be a string; put it in quotes: "5" (got 5)'],
    ['worker: { modules: [] }', 'worker.modules (from FILE): must not be empty (got [])'],
    ['[http]', 'FILE must hold a mapping of settings'],
    ['log: {}\n---\nlog: {}', 'FILE must hold a mapping of settings'],
    ['log: {}\nlog: {}', 'FILE is not YAML: duplicated mapping key'],
  ] as const) {
    it(`refuses a file with ${JSON.stringify(text)}`, () => {
      const path = file(text);
      assert.throws(
        () => loadConfig('worker', { file: path, environment: {} }),
        error => error instanceof ConfigError && error.message.includes(message.replace('FILE', path)),
        message,
      );
    });
  }

  for (const text of [
    'database: { uurl: "postgresql://a:hunter2@db/x" }',
    'database: postgresql://a:hunter2@db/x',
    'consul: { tokn: hunter2 }',
    'consul: hunter2',
    'notifications: hunter2',
    'hunter: hunter2',
    'postgresql: [hunter2]',
  ]) {
    it(`shows nothing of what may be a secret under a wrong name: ${text.split(':')[0]}`, () => {
      const path = file(text);
      assert.throws(
        () => loadConfig('master', { file: path, environment: {} }),
        error => error instanceof ConfigError && !error.message.includes('hunter2'),
      );
    });
  }

  it('takes sections of sections, from file and environment', () => {
    const path = file('worker: { shell: { users: [nobody, 1000] }, secrets: { directory: /a } }');
    const environment = {
      CRONMESH_WORKER_SECRETS_ENVIRONMENT: 'A,B',
      CRONMESH_WORKER_CALLBACK_URL: 'https://x.example/c/',
    };
    const { shell, secrets, callbackUrl } = loadConfig('worker', { file: path, environment }).worker;
    assert.deepEqual(shell.users, ['nobody', 1000]);
    assert.deepEqual(secrets, { environment: ['A', 'B'], directory: '/a' });
    assert.equal(callbackUrl, 'https://x.example/c');
    assert.deepEqual(
      loadConfig('worker', { environment: { CRONMESH_WORKER_SHELL_USERS: '0,bin' } }).worker.shell.users,
      [0, 'bin'],
    );
  });

  it('refuses a wrong name in a section of a section', () => {
    const environment = { CRONMESH_WORKER_SECRETS_ENVIRONMENT: 'A-B' };
    assert.throws(
      () => loadConfig('worker', { environment }),
      /worker\.secrets\.environment\[0\] \(from CRONMESH_WORKER_SECRETS_ENVIRONMENT\): must be letters, digits/,
    );
  });

  it('takes a file that sets nothing', () => {
    for (const text of ['', '# nothing yet\n', '---\n', 'http:\nworker: {}\n']) {
      assert.equal(loadConfig('worker', { file: file(text), environment: {} }).http.port, 8081, JSON.stringify(text));
    }
  });

  it('lets be what Kubernetes and runs have in the environment', () => {
    const environment = {
      CRONMESH_WORKER_PORT: 'tcp://10.0.0.7:8081',
      CRONMESH_WORKER_PORT_8081_TCP_ADDR: '10.0.0.7',
      CRONMESH_WORKER_SERVICE_PORT_HTTP: '8081',
      CRONMESH_WORKER: 'w-1',
      CRONMESH_RUN: 'x',
      CRONMESH_SERVER: 'http://127.0.0.1:8080',
      CRONMESH_PROOF: '/tmp/proof',
    };
    assert.equal(loadConfig('worker', { environment }).worker.capacity, 100);
  });

  it('names workers on one machine by their ports', () => {
    const one = workerName(loadConfig('worker', { environment: { CRONMESH_HTTP_PORT: '8081' } }));
    const two = workerName(loadConfig('worker', { environment: { CRONMESH_HTTP_PORT: '8082' } }));
    assert.notEqual(one, two);
  });

  it('spells environment names', () => {
    assert.equal(environmentName('worker.allowPrivateAddresses'), 'CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES');
  });

  it('knows the namespaces of an operator, none for all', () => {
    assert.deepEqual(loadConfig('operator', { environment: {} }).operator, {
      namespaces: [],
      resyncSeconds: 300,
      finalizerTimeoutSeconds: 60,
    });
    const environment = { CRONMESH_OPERATOR_NAMESPACES: 'team-a,team-b', CRONMESH_OPERATOR_RESYNC_SECONDS: '60' };
    const { namespaces, resyncSeconds } = loadConfig('operator', { environment }).operator;
    assert.deepEqual([namespaces, resyncSeconds], [['team-a', 'team-b'], 60]);
    const wrong = { CRONMESH_OPERATOR_NAMESPACES: 'Team_A' };
    assert.throws(() => loadConfig('operator', { environment: wrong }), /operator\.namespaces.*lower-case letters/);
  });
});
