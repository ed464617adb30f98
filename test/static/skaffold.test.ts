import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { toolPath, toolSkip } from '../support/tools.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const chartSkip = existsSync(join(root, 'helm/cronmesh/Chart.yaml')) ? false : 'there is no chart in helm/cronmesh';
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const pushed = `registry.example.com/team/cronmesh:v1@${digest}`;
const local = 'cronmesh:2f5c6d';

interface Container {
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly ports?: readonly { readonly port: number }[];
    readonly template?: { readonly spec: { readonly containers: readonly Container[]; initContainers?: Container[] } };
  };
}
interface Config {
  readonly build: {
    readonly artifacts: readonly {
      readonly image: string;
      sync: { manual: readonly { dest: string; src: string }[] };
    }[];
    readonly local?: { readonly push?: boolean };
  };
  readonly portForward: readonly {
    readonly resourceName: string;
    readonly namespace: string;
    readonly port: number;
    readonly localPort: number;
  }[];
}

describe('skaffold.yaml', { skip: toolSkip('skaffold') }, () => {
  for (const profile of ['', 'local', 'external']) {
    it(`is understood, ${profile === '' ? 'without a profile' : `with profile ${profile}`}`, t => {
      const { build, portForward } = config(t, profile);
      assert.deepEqual(
        build.artifacts.map(one => one.image),
        ['cronmesh'],
      );
      assert.deepEqual(
        portForward.map(one => one.localPort),
        [8080],
      );
      assert.equal(build.local?.push, profile === 'local' ? false : undefined);
    });
  }

  it('passes skaffold diagnose, with the sources that an image is made of', t => {
    // The Dockerfile as it is, but for the base: skaffold asks the base's registry what is in it, and tests ask nobody.
    const dockerfile = join(temporaryDirectory(t), 'Dockerfile');
    const text = readFileSync(join(root, 'Dockerfile'), 'utf8');
    writeFileSync(dockerfile, text.replace(/^ARG BASE_IMAGE=.*$/m, 'ARG BASE_IMAGE=scratch'));
    const yaml = readFileSync(join(root, 'skaffold.yaml'), 'utf8');
    const input = yaml.replace('dockerfile: Dockerfile', `dockerfile: ${relative(root, dockerfile)}`);
    assert.notEqual(input, yaml);
    const { status, stdout, stderr } = skaffold(t, ['diagnose', '-f', '-'], { input });
    assert.equal(status, 0, stderr);
    const files = Number(/Dependencies: (\d+) files/.exec(stdout)?.[1]);
    assert.ok(files > 200, `an image of ${files} files: ${stdout}`);
  });

  it('syncs every file of the page', t => {
    const sources = (config(t, '').build.artifacts[0]?.sync.manual ?? []).map(one => one.src);
    const page = readdirSync(join(root, 'src/ui')).filter(file => file !== 'tsconfig.json');
    assert.deepEqual(globSync(sources, { cwd: root }).sort(), page.map(file => `src/ui/${file}`).sort());
  });

  describe('with the chart', { skip: chartSkip || toolSkip('helm') }, () => {
    for (const image of [pushed, local]) {
      it(`deploys ${image} in every pod of Cronmesh`, t => {
        const found = containers(render(t, image)).filter(one => /cronmesh:/.test(one.image));
        assert.ok(found.length >= 4, `${found.length} containers`);
        assert.deepEqual([...new Set(found.map(one => one.image))], [image]);
      });
    }

    it('forwards a port that a Service has', t => {
      const manifests = render(t, local);
      for (const { resourceName, namespace, port } of config(t, '').portForward) {
        const service = manifests.find(one => one.kind === 'Service' && one.metadata.name === resourceName);
        assert.equal(service?.metadata.namespace ?? 'cronmesh', namespace);
        assert.ok(
          service?.spec.ports?.some(one => one.port === port),
          JSON.stringify(service),
        );
      }
    });

    it('syncs the page to where every pod may write, and where masters look for it', t => {
      const folder = config(t, '').build.artifacts[0]?.sync.manual[0]?.dest ?? '';
      const pods = containers(render(t, local)).filter(one => one.image === local);
      for (const { volumeMounts = [] } of pods) {
        const mount = volumeMounts.find(one => folder.startsWith(`${one.mountPath}/`));
        assert.ok(mount !== undefined && mount.readOnly !== true, `${folder} is on no writable volume`);
      }
      const looking = pods.filter(one =>
        one.env?.some(({ name, value }) => name === 'CRONMESH_HTTP_PAGE_OVERLAY' && value === folder),
      );
      assert.equal(looking.length, 1);
    });

    it('tries out with a Consul and a PostgreSQL of its own, and leaves both out with profile external', t => {
      const names = (manifests: readonly Manifest[]): string =>
        manifests
          .filter(one => /^(StatefulSet|Deployment)$/.test(one.kind))
          .map(one => one.metadata.name)
          .join(' ');
      assert.match(names(render(t, local)), /consul.*postgresql|postgresql.*consul/);
      const external = render(t, local, 'external', {
        CRONMESH_CONSUL_JOIN: 'consul.example.com',
        CRONMESH_DATABASE_SECRET: 'own-database',
      });
      assert.doesNotMatch(names(external), /consul|postgresql/);
      const text = JSON.stringify(external);
      assert.match(text, /consul\.example\.com/);
      assert.match(text, /own-database/);
    });
  });
});

function config(t: TestContext, profile: string): Config {
  const { status, stdout, stderr } = skaffold(t, [
    'diagnose',
    '--yaml-only',
    ...(profile === '' ? [] : ['-p', profile]),
  ]);
  assert.equal(status, 0, stderr);
  return loadAll(stdout)[0] as Config;
}

/** What would be deployed of an image that is built already. */
function render(t: TestContext, image: string, profile = '', env: Record<string, string> = {}): readonly Manifest[] {
  const folder = temporaryDirectory(t);
  const [builds, output] = [join(folder, 'builds.json'), join(folder, 'rendered.yaml')];
  writeFileSync(builds, JSON.stringify({ builds: [{ imageName: 'cronmesh', tag: image }] }));
  // `none`: otherwise it asks the registry for the digest.
  const args = ['render', '--digest-source=none', '--offline=true', '--build-artifacts', builds, '--output', output];
  const { status, stdout, stderr } = skaffold(t, [...args, ...(profile === '' ? [] : ['-p', profile])], { env });
  assert.equal(status, 0, stdout + stderr);
  return loadAll(readFileSync(output, 'utf8')) as Manifest[];
}

function containers(manifests: readonly Manifest[]): readonly Container[] {
  return manifests.flatMap(one => {
    const pod = one.spec?.template?.spec;
    return [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])];
  });
}

function skaffold(
  t: TestContext,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Record<string, string> } = {},
): SpawnSyncReturns<string> {
  const home = temporaryDirectory(t);
  return spawnSync('skaffold', args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    input: options.input ?? '',
    env: {
      PATH: `${helmOfToday(home)}${delimiter}${process.env.PATH}`,
      HOME: home,
      SKAFFOLD_UPDATE_CHECK: 'false',
      SKAFFOLD_INTERACTIVE: 'false',
      ...options.env,
    },
  });
}

/** A Helm that was built without its release's flags takes every cluster that it does not ask for Kubernetes 1.20. */
function helmOfToday(folder: string): string {
  const helm = toolPath('helm');
  if (helm === undefined) return folder;
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh\ncase " $* " in *" template "*) exec ${helm} "$@" --kube-version=v1.35.0;; esac\nexec ${helm} "$@"\n`;
  writeFileSync(join(bin, 'helm'), script);
  chmodSync(join(bin, 'helm'), 0o755);
  return bin;
}
