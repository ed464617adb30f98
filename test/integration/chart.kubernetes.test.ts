import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadAll } from 'js-yaml';
import { chartKinds, foreignKinds } from '../../scripts/chart/kinds.ts';
import { kubernetesSchemas } from '../../scripts/chart/kubernetes-schemas.ts';
import { chartSkip, type KubernetesObject, Rendered, renderText, valueSets } from '../support/chart.ts';
import { kubeconform, writeSchemas } from '../support/kubeconform.ts';
import { kubectl, kubernetesSkip, type TemporaryNamespace, temporaryNamespace } from '../support/kubernetes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** What an API server says of the chart, without any image: nothing here starts a pod. */
describe('the chart before a real API server', { skip: chartSkip() || kubernetesSkip() }, () => {
  let namespace: TemporaryNamespace;

  const objects = (set: string, ...values: string[]): KubernetesObject[] => {
    const args = ['-f', valueSets.get(set) ?? '', ...values.flatMap(value => ['--set', value])];
    return loadAll(renderText(args, namespace.name)).filter(Boolean) as KubernetesObject[];
  };
  const here = (one: KubernetesObject): boolean => (one.metadata.namespace ?? namespace.name) === namespace.name;
  // Begun as YAML: what begins as JSON may hold one document only.
  const manifest = (...all: object[]): string =>
    all
      .map(
        one => `---
${JSON.stringify(one)}
`,
      )
      .join('');

  before(() => {
    namespace = temporaryNamespace('cronmesh-chart');
  });
  after(() => namespace?.remove());

  for (const set of valueSets.keys()) {
    it(`is taken without an unknown field, with ${set}`, () => {
      const known = objects(set).filter(one => here(one) && !(foreignKinds as readonly string[]).includes(one.kind));
      const said = kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], manifest(...known));
      assert.equal(said.trim().split('\n').length, known.length, said);
    });

    it(`has pods that a restricted namespace admits, with ${set}`, () => {
      for (const [owner, spec] of new Rendered(objects(set)).pods()) {
        const claimed = owner.startsWith('StatefulSet') && !spec.volumes?.some(({ name }) => name === 'data');
        const volumes = [...(spec.volumes ?? []), ...(claimed ? [{ name: 'data', emptyDir: {} }] : [])];
        // Its account is not there.
        const pod = { ...spec, volumes, serviceAccountName: 'default', restartPolicy: 'Never' };
        const metadata = { name: 'tried', namespace: namespace.name };
        const text = manifest({ apiVersion: 'v1', kind: 'Pod', metadata, spec: pod });
        assert.match(kubectl(['create', '--dry-run=server', '-f', '-'], text), /created/, owner);
      }
    });
  }

  it('is valid by the schemas of this very API server', { skip: chartSkip('kubeconform') }, t => {
    const folder = temporaryDirectory(t);
    writeSchemas(folder, kubernetesSchemas(JSON.parse(kubectl(['get', '--raw', '/openapi/v2'])), chartKinds));
    for (const [name, file] of valueSets) {
      const { status, output } = kubeconform(folder, renderText(['-f', file]));
      assert.equal(status, 0, `${name}: ${output}`);
    }
  });

  it('is refused by that namespace where it is less than restricted', () => {
    const [first] = new Rendered(objects('external-database', 'securityContext.allowPrivilegeEscalation=true')).pods();
    assert.ok(first);
    const [, spec] = first;
    const pod = { ...spec, serviceAccountName: 'default', restartPolicy: 'Never' };
    const metadata = { name: 'tried', namespace: namespace.name };
    assert.throws(
      () =>
        kubectl(
          ['create', '--dry-run=server', '-f', '-'],
          manifest({ apiVersion: 'v1', kind: 'Pod', metadata, spec: pod }),
        ),
      /violates PodSecurity/,
    );
  });

  it('lets shell workers read the objects that secretAccess names, and no others', () => {
    const values = ['worker.secretAccess.enabled=true', 'worker.secretAccess.secrets={one}'];
    const access = objects('external-database', ...values).filter(one =>
      /^(ServiceAccount|Role|RoleBinding)$/.test(one.kind),
    );
    kubectl(['apply', '-f', '-'], manifest(...access));
    const may = (verb: string, what: string): boolean => {
      const as = `--as=system:serviceaccount:${namespace.name}:cronmesh-worker`;
      try {
        return kubectl(['auth', 'can-i', verb, what, as, '-n', namespace.name]).trim() === 'yes';
      } catch {
        // It says no by its status, too.
        return false;
      }
    };
    assert.ok(may('get', 'secrets/one'));
    for (const [verb, what] of [
      ['get', 'secrets/two'],
      ['list', 'secrets'],
      ['watch', 'secrets'],
      ['update', 'secrets/one'],
      ['get', 'configmaps/one'],
      ['create', 'pods'],
    ] as const) {
      assert.ok(!may(verb, what), `${verb} ${what}`);
    }
  });
});
