import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from './process.ts';
import { Rest } from './rest.ts';

const chart = fileURLToPath(new URL('../../helm/cronmesh', import.meta.url));
const execute = promisify(execFile);

/** The image to install, already in the cluster: `CRONMESH_TEST_IMAGE`; undefined where the environment names none. */
export const testImage: string | undefined = process.env.CRONMESH_TEST_IMAGE || undefined;

/** For node:test's `skip`. */
export function imageSkip(): string | false {
  if (testImage !== undefined) return false;
  return 'no image: build the Dockerfile, load it into the cluster, and set CRONMESH_TEST_IMAGE to its name and tag';
}

export interface Pod {
  readonly name: string;
  readonly component: string;
  readonly ip: string;
  readonly ready: boolean;
  readonly uid: string;
}

interface PodList {
  items: {
    metadata: { name: string; uid: string; labels: Record<string, string>; deletionTimestamp?: string };
    status: { podIP?: string; conditions?: { type: string; status: string }[] };
  }[];
}

/** The chart as a release in a namespace of its own. */
export class Release {
  readonly name = 'cm';
  readonly namespace: string;
  readonly #values: readonly string[];

  /** @param values files, the last one strongest */
  constructor(namespace: string, values: readonly string[]) {
    this.namespace = namespace;
    this.#values = values;
  }

  /** Installs or upgrades, and waits until all is ready. Gives what helm printed. */
  async apply(set: Readonly<Record<string, string>> = {}, image = testImage ?? ''): Promise<string> {
    const colon = image.lastIndexOf(':');
    // A tag is a text, though it looks like a number.
    const texts = { 'image.repository': image.slice(0, colon), 'image.tag': image.slice(colon + 1) };
    return await this.#helm([
      'upgrade',
      '--install',
      this.name,
      chart,
      // The definition of CronJob resources is the cluster's: other tests install it too, and leave it there.
      '--take-ownership',
      '--wait',
      '--timeout=6m',
      ...this.#values.flatMap(file => ['--values', file]),
      ...Object.entries(texts).flatMap(([path, value]) => ['--set-string', `${path}=${value}`]),
      ...Object.entries(set).flatMap(([path, value]) => ['--set', `${path}=${value}`]),
    ]);
  }

  /** `helm test`. Gives what the tests printed: helm shows it by the pods' own policy, and removes those that succeeded. */
  async test(): Promise<string> {
    return await this.#helm(['test', this.name, '--timeout=4m']);
  }

  /** Waits until its pods are gone, too. */
  async uninstall(): Promise<string> {
    const wait = ['--cascade=foreground', '--wait', '--timeout=4m'];
    return await this.#helm(['uninstall', this.name, ...wait, '--ignore-not-found']);
  }

  /** Pods that are not on their way out; those of one component (master, worker, kubernetes-worker, …) or all. */
  async pods(component?: string): Promise<Pod[]> {
    const selector = `app.kubernetes.io/instance=${this.name}`;
    const list = JSON.parse(await this.kubectl(['get', 'pods', '-l', selector, '-o', 'json'])) as PodList;
    return list.items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, status }) => ({
        name: metadata.name,
        uid: metadata.uid,
        component: metadata.labels['app.kubernetes.io/component'] ?? '',
        ip: status.podIP ?? '',
        ready: status.conditions?.some(one => one.type === 'Ready' && one.status === 'True') ?? false,
      }))
      .filter(pod => component === undefined || pod.component === component);
  }

  /** Waits until a component has `count` pods, all ready. */
  async ready(component: string, count: number, within = 180_000): Promise<void> {
    await eventually(
      `${count} ready pods of ${component}`,
      async () => {
        const pods = await this.pods(component);
        return pods.length === count && pods.every(pod => pod.ready);
      },
      within,
      1_000,
    );
  }

  /**
   * REST through the masters' Service. The cluster's addresses must be reachable from here.
   *
   * @param token of every request, where REST asks for one
   */
  async rest(token?: string): Promise<Rest> {
    const services = JSON.parse(
      await this.kubectl(['get', 'services', '-l', 'app.kubernetes.io/component=master', '-o', 'json']),
    ) as { items: { spec: { clusterIP: string; ports: { name: string; port: number }[] } }[] };
    for (const { spec } of services.items) {
      const http = spec.ports.find(port => port.name === 'http');
      if (http === undefined || spec.clusterIP === 'None') continue;
      return new Rest(
        `http://${spec.clusterIP}:${http.port}`,
        token === undefined ? {} : { authorization: `Bearer ${token}` },
      );
    }
    throw new Error('the release has no Service of REST');
  }

  /** What kubectl prints. Not waited for by blocking: a test goes on listening to its jobs meanwhile. */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    return await run('kubectl', ['--namespace', this.namespace, ...args], input);
  }

  async #helm(args: readonly string[]): Promise<string> {
    return await run('helm', ['--namespace', this.namespace, ...args]);
  }
}

/** @throws Error with what the program said on standard error */
async function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const running = execute(program, args, { timeout: 480_000, maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string };
    throw new Error(`${program} ${args.slice(2, 4).join(' ')}: ${stderr}${stdout}`, { cause: error });
  }
}
