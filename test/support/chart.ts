import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';

/** The chart's folder. */
export const chart = fileURLToPath(new URL('../../helm/cronmesh', import.meta.url));

/** Value sets by name: those of `ci/`, and the try-out values that users get. */
export const valueSets: ReadonlyMap<string, string> = new Map([
  ...readdirSync(join(chart, 'ci')).map(name => [name.replace('-values.yaml', ''), join(chart, 'ci', name)] as const),
  ['values-tryout', join(chart, 'values-tryout.yaml')],
]);

/** A Kubernetes object as YAML gives it; tests look into it as they need. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: Readonly<Record<string, unknown>>;
  readonly lifecycle?: unknown;
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string; readonly scheme?: string };
  readonly exec?: { readonly command: readonly string[] };
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly topologySpreadConstraints?: readonly Readonly<Record<string, unknown>>[];
}

/** For node:test's `skip`: false where the programs are on PATH. */
export function chartSkip(...programs: readonly ('helm' | 'kubeconform')[]): string | false {
  const wanted = ['helm', ...programs];
  const missing = wanted.filter(name => spawnSync(name, [name === 'helm' ? 'version' : '-v']).status !== 0);
  return missing.length > 0 && `the chart is not tested: put ${missing.join(' and ')} on PATH`;
}

/** A Kubernetes that the chart is rendered for; helm's own idea of it may be older than the chart allows. */
const version = ['--kube-version', '1.34'];

/** Runs helm on the chart; what it printed, and how it ended. */
export function helm(command: 'lint' | 'template', args: readonly string[]): { status: number | null; output: string } {
  const target = command === 'lint' ? ['--strict', chart] : ['cronmesh', chart, '--namespace', 'cronmesh'];
  const { status, stdout, stderr } = spawnSync('helm', [command, ...target, ...version, ...args], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  return { status, output: `${stdout}${stderr}` };
}

/** The chart as YAML, as the release `cronmesh`. @throws Error with helm's words */
export function renderText(args: readonly string[], namespace = 'cronmesh'): string {
  return execFileSync('helm', ['template', 'cronmesh', chart, '--namespace', namespace, ...version, ...args], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
}

/**
 * The chart's objects, hooks included.
 *
 * @param set the name of a value set
 * @param values more of them, as helm's `--set` takes them
 * @example render('external-database', 'worker.replicas=3')
 */
export function render(set: string, ...values: readonly string[]): Rendered {
  const key = [set, ...values].join('\n');
  const known = rendered.get(key);
  if (known !== undefined) return known;
  const file = valueSets.get(set);
  if (file === undefined) throw new Error(`no value set ${set}: there are ${[...valueSets.keys()].join(', ')}`);
  const text = renderText(['-f', file, ...values.flatMap(value => ['--set', value])]);
  const made = new Rendered(loadAll(text).filter(Boolean) as KubernetesObject[]);
  rendered.set(key, made);
  return made;
}

/** Rendering takes a tenth of a second and more; the same is asked for by many tests of a file. */
const rendered = new Map<string, Rendered>();

export class Rendered {
  readonly objects: readonly KubernetesObject[];

  constructor(objects: readonly KubernetesObject[]) {
    this.objects = objects;
  }

  /** The object of that kind, named `cronmesh` or `cronmesh-<suffix>`. @throws Error where there is none */
  get(kind: string, suffix = ''): KubernetesObject {
    const found = this.find(kind, suffix);
    if (found !== undefined) return found;
    const names = this.all(kind).map(one => one.metadata.name);
    throw new Error(`no ${kind} ${suffix || 'cronmesh'}; there are: ${names.join(', ') || 'none'}`);
  }

  find(kind: string, suffix = ''): KubernetesObject | undefined {
    const name = suffix === '' ? 'cronmesh' : `cronmesh-${suffix}`;
    return this.all(kind).find(one => one.metadata.name === name);
  }

  all(kind: string): KubernetesObject[] {
    return this.objects.filter(one => one.kind === kind);
  }

  /** The pods of a Deployment, StatefulSet or Job. */
  pod(kind: string, suffix: string): PodSpec {
    return podOf(this.get(kind, suffix)) as PodSpec;
  }

  /** Every pod that anything here makes, by what makes it. */
  pods(): [owner: string, pod: PodSpec][] {
    return this.objects.flatMap(one => {
      const pod = podOf(one);
      return pod === undefined ? [] : [[`${one.kind} ${one.metadata.name}`, pod] as [string, PodSpec]];
    });
  }
}

function podOf({ kind, spec }: KubernetesObject): PodSpec | undefined {
  if (kind === 'Pod') return spec as unknown as PodSpec;
  return (spec?.template as { readonly spec: PodSpec } | undefined)?.spec;
}

/** All containers of a pod, init containers first. */
export function containersOf(pod: PodSpec): readonly Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}

/** The container of that name. @throws Error where there is none */
export function container(pod: PodSpec, name: string): Container {
  const found = containersOf(pod).find(one => one.name === name);
  if (found === undefined) throw new Error(`no container ${name}: ${containersOf(pod).map(one => one.name)}`);
  return found;
}

/** A container's environment by name; a reference as JSON. */
export function environmentOf(of: Container): Record<string, string> {
  return Object.fromEntries((of.env ?? []).map(one => [one.name, one.value ?? JSON.stringify(one.valueFrom)]));
}
