import type { Schedule } from '../verdict.ts';

/** Where the jobs of a load say that they have started. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

const manifest = (namespace: string, name: string, spec: object): object => ({
  apiVersion: 'cronmesh.io/v1alpha1',
  kind: 'CronJob',
  metadata: { namespace, name, labels: { part: 'load' } },
  spec: { misfirePolicy: 'Skip', timeoutSeconds: 60, ...spec },
});

const said =
  '/start?job=$CRONMESH_JOB&run=$CRONMESH_RUN&attempt=$CRONMESH_ATTEMPT&tick=$CRONMESH_TICK&worker=$CRONMESH_WORKER';

/** With nothing but bash, which every image of Debian has. */
const bash = ({ host, port }: Destination): string =>
  `exec 3<>/dev/tcp/${host}/${port}\nprintf 'GET %s HTTP/1.0\\r\\n\\r\\n' "${said}" >&3\ncat <&3\n`;

/** Jobs that run every second, by shell and by http, and one that is a pod every 20 s. */
export function load(namespace: string, to: Destination): object[] {
  const everySecond = { schedule: '* * * * * *' };
  const shell = { shell: { script: bash(to), interpreter: '/bin/bash' } };
  const http = { http: { url: `http://${to.host}:${to.port}/start`, method: 'POST' } };
  return [
    ...['a', 'b', 'c'].map(one => manifest(namespace, `shell-${one}`, { ...everySecond, executor: shell })),
    ...['a', 'b'].map(one => manifest(namespace, `http-${one}`, { ...everySecond, executor: http })),
    manifest(namespace, 'pod', {
      schedule: '*/20 * * * * *',
      executor: {
        kubernetes: {
          template: {
            spec: {
              containers: [
                {
                  name: 'main',
                  image: 'localhost/debian:bookworm',
                  imagePullPolicy: 'Never',
                  command: ['/bin/bash', '-c', bash(to)],
                  securityContext: {
                    runAsNonRoot: true,
                    runAsUser: 65532,
                    allowPrivilegeEscalation: false,
                    capabilities: { drop: ['ALL'] },
                    seccompProfile: { type: 'RuntimeDefault' },
                  },
                },
              ],
            },
          },
        },
      },
    }),
  ];
}

/** What an independent engine is to expect of them. */
export function schedules(manifests: readonly object[]): Schedule[] {
  return (manifests as { metadata: { name: string; namespace: string }; spec: { schedule: string } }[]).map(
    ({ metadata, spec }) => ({
      job: metadata.name,
      namespace: metadata.namespace,
      pattern: spec.schedule,
      timeZone: 'UTC',
    }),
  );
}
