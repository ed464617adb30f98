import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chartSkip, containersOf, environmentOf, render, valueSets } from '../support/chart.ts';

/** Kubernetes' `restricted` standard, as it is at 1.35, and a root that cannot be written. */
describe('the security of every pod', { skip: chartSkip() }, () => {
  for (const name of valueSets.keys()) {
    const pods = () => render(name).pods();

    it(`is restricted with ${name}`, () => {
      for (const [owner, pod] of pods()) {
        const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext ?? {};
        assert.deepEqual(
          { runAsNonRoot, runAsUser, seccompProfile },
          { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
          owner,
        );
        for (const { name: container, securityContext } of containersOf(pod)) {
          const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = securityContext ?? {};
          assert.deepEqual(
            { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities },
            { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            `${owner}: ${container}`,
          );
        }
        const kinds = (pod.volumes ?? []).flatMap(volume => Object.keys(volume).filter(key => key !== 'name'));
        assert.deepEqual(
          kinds.filter(kind => !['configMap', 'csi', 'emptyDir', 'projected', 'secret'].includes(kind)),
          [],
          owner,
        );
      }
    });

    it(`tells pods nothing of other Services with ${name}`, () => {
      for (const [owner, pod] of pods()) assert.equal(pod.enableServiceLinks, false, owner);
    });

    it(`bounds the memory of every container with ${name}`, () => {
      for (const [owner, pod] of pods()) {
        for (const { name: container, resources } of containersOf(pod)) {
          if (['shipper', 'prepare'].includes(container)) continue;
          const limits = (resources?.limits ?? {}) as Record<string, string>;
          assert.ok(limits.memory, `${owner}: ${container}`);
        }
      }
    });

    it(`has no secret on a command line or in plain environment with ${name}`, () => {
      const secrets = /^(CONSUL_HTTP_TOKEN|DATABASE_URL)$|_(USERNAME|PASSWORD|TOKEN)$/;
      for (const [owner, pod] of pods()) {
        for (const one of containersOf(pod)) {
          const line = [...(one.command ?? []), ...(one.args ?? [])].join(' ');
          assert.doesNotMatch(
            line,
            /-encrypt|token|password|\$\((?!POD_NAME\)|POD_IP\)|HOST_IP\))/i,
            `${owner}: ${one.name}`,
          );
          const environment = environmentOf(one);
          for (const [secret, value] of Object.entries(environment)) {
            if (secrets.test(secret)) assert.match(value, /secretKeyRef/, `${owner}: ${secret}`);
          }
        }
      }
    });

    it(`gives a token of Kubernetes to those alone that need one with ${name}`, () => {
      const may = /kubernetes-worker|operator|release-finalizers/;
      for (const [owner, pod] of pods()) {
        if (may.test(owner)) assert.equal(pod.automountServiceAccountToken, true, owner);
        else if (!(name === 'sidecar-secure' && owner === 'Deployment cronmesh-worker'))
          assert.equal(pod.automountServiceAccountToken, false, owner);
      }
    });
  }

  it('gives no ServiceAccount a token by itself', () => {
    const accounts = [...valueSets.keys()].flatMap(name => render(name).all('ServiceAccount'));
    assert.ok(accounts.length > 10);
    for (const account of accounts) {
      const { automountServiceAccountToken } = account as unknown as Record<string, unknown>;
      assert.equal(automountServiceAccountToken, false, account.metadata.name);
    }
  });

  it('takes images by digest, and pull secrets', () => {
    const pods = render('sidecar-secure').pods();
    for (const [owner, pod] of pods) {
      assert.deepEqual((pod as unknown as Record<string, unknown>).imagePullSecrets, [{ name: 'pull' }], owner);
      for (const { name, image } of containersOf(pod)) {
        if (name !== 'consul' && name !== 'consul-secrets')
          assert.match(image, /^cronmesh\/cronmesh@sha256:[0-9a-f]{64}$/, owner);
        else assert.equal(image, 'hashicorp/consul:1.22.0', owner);
      }
    }
  });

  it('lets no try-out server write beside its data', () => {
    const { pods } = {
      pods: render('tryout')
        .pods()
        .filter(([owner]) => owner.startsWith('StatefulSet')),
    };
    assert.equal(pods.length, 2);
    for (const [owner, pod] of pods) {
      for (const { volumeMounts } of containersOf(pod)) {
        const writable = (volumeMounts ?? []).filter(mount => !mount.readOnly).map(mount => mount.mountPath);
        const allowed = ['/tmp', '/data', '/consul/data', '/consul/secret-config'];
        assert.deepEqual(
          writable.filter(path => !allowed.includes(path)),
          [],
          owner,
        );
      }
    }
  });
});
