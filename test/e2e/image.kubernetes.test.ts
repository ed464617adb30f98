import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { kubectl, kubernetesSkip, type TemporaryNamespace, temporaryNamespace } from '../support/kubernetes.ts';
import { eventually } from '../support/process.ts';
import type { RunView } from '../support/rest.ts';

const image = process.env.CRONMESH_TEST_IMAGE;
const skip =
  image === undefined
    ? 'no image: build one and set CRONMESH_TEST_IMAGE to its name in the cluster (localhost/cronmesh:dev)'
    : kubernetesSkip();

interface Pod {
  readonly status: {
    readonly containerStatuses: readonly { readonly state: { readonly terminated?: { readonly exitCode: number } } }[];
  };
}

/** As strict as the restricted standard asks, on a file system that nothing can be written to but two folders. */
const pod = (name: string, shareProcessNamespace: boolean): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      shareProcessNamespace,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 20,
      restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'cronmesh',
          image,
          imagePullPolicy: 'IfNotPresent',
          env: [{ name: 'CRONMESH_HTTP_HOST', value: '0.0.0.0' }],
          readinessProbe: { httpGet: { path: '/readyz', port: 8080 }, periodSeconds: 1 },
          // PGlite makes its database at the first start: 1.1 GiB for a moment, half of it afterwards.
          resources: { requests: { cpu: '50m', memory: '256Mi' }, limits: { memory: '1536Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'data', mountPath: '/var/lib/cronmesh' },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  });

for (const shared of [false, true]) {
  describe(`the image, ${shared ? 'in a shared process namespace' : 'with its init as process 1'}`, { skip }, () => {
    let namespace: TemporaryNamespace;
    const inNamespace = (...args: string[]): string => kubectl(['-n', namespace.name, ...args]);
    const inPod = (...command: string[]): string => inNamespace('exec', 'one', '--', ...command);
    // Each look is a kubectl of its own: a second apart.
    const eachSecond = <T>(what: string, look: () => T | undefined | false, timeout?: number): Promise<T> =>
      eventually(what, () => delay(1_000).then(look), timeout);

    before(() => {
      namespace = temporaryNamespace('image');
      kubectl(['-n', namespace.name, 'create', '-f', '-'], pod('one', shared));
    });
    after(() => namespace?.remove());

    it('becomes ready', () => {
      inNamespace('wait', '--for=condition=Ready', 'pod/one', '--timeout=60s');
    });

    it('runs as nobody else, and can write nowhere but where it must', () => {
      assert.match(inPod('id'), /^uid=65532\(cronmesh\) gid=65532\(cronmesh\)/);
      assert.throws(() => inPod('touch', '/app/x'), /Read-only file system/);
      assert.equal(inPod('sh', '-c', 'find /app ! -user root -o -perm /022 ! -type l'), '');
      assert.throws(() => inPod('sh', '-c', 'command -v npm || command -v npx || command -v corepack'));
    });

    it('runs its first jobs', async () => {
      const answer = await eachSecond('a seeded job succeeded', () => {
        const url = 'http://127.0.0.1:8080/api/v1/runs?state=Succeeded&limit=5';
        const script = `fetch(${JSON.stringify(url)}).then(r => r.text()).then(t => process.stdout.write(t))`;
        const { items } = JSON.parse(inPod('node', '-e', script)) as { items: RunView[] };
        return items.length > 0 && items;
      });
      assert.equal(answer[0]?.state, 'Succeeded');
    });

    it('reaps what a run leaves behind', async () => {
      // The middle process ends at once; its child is nobody's but the init's, and ends a second later.
      const command = '(sleep 1 & echo left=$!) ; sleep 2';
      kubectl(
        ['-n', namespace.name, 'exec', '-i', 'one', '--', 'cronmesh', 'apply', '-f', '-'],
        JSON.stringify({
          apiVersion: 'cronmesh.io/v1alpha1',
          kind: 'CronJob',
          metadata: { name: 'leaver' },
          spec: { schedule: '* * * * * *', concurrencyPolicy: 'Forbid', executor: { shell: { command } } },
        }),
      );
      const succeeded = ['get', 'runs', '--job', 'leaver', '--state', 'Succeeded', '-o', 'json'];
      await eachSecond('it ran', () => (inPod('cronmesh', ...succeeded).match(/"Succeeded"/g) ?? []).length >= 2);
      assert.match(inPod('cronmesh', 'logs', 'leaver'), /left=\d+/);
      const zombies = 'cat /proc/[0-9]*/status 2>/dev/null | grep -c "^State:.*zombie" || true';
      // One may be between its end and its reaping; none stays.
      await eachSecond('no zombie is left', () => inPod('sh', '-c', zombies).trim() === '0', 5_000);
    });

    it('obeys the client commands', () => {
      assert.match(inPod('cronmesh', 'get', 'jobs'), /leaver/);
      assert.match(inPod('cronmesh', 'describe', 'job', 'leaver'), /leaver/);
      inPod('cronmesh', 'delete', 'job', 'leaver');
      assert.doesNotMatch(inPod('cronmesh', 'get', 'jobs'), /leaver/);
      assert.match(inPod('cronmesh', 'next', '0 0 * * *', '--count', '1'), /T00:00:00Z\n$/);
    });

    it('stops in order on TERM, inside its grace', async () => {
      // What the kubelet does to a pod that is deleted, but the pod stays to be looked at.
      inNamespace('patch', 'pod', 'one', '--patch', '{"spec":{"activeDeadlineSeconds":1}}');
      const status = await eachSecond('it ended', () => {
        const { status } = JSON.parse(inNamespace('get', 'pod', 'one', '-o', 'json')) as Pod;
        return status.containerStatuses[0]?.state.terminated;
      });
      assert.equal(status.exitCode, 0);
      assert.match(inNamespace('logs', 'one'), /"msg":"stopped"/);
    });
  });
}
