import type { ManifestInput } from '../../domain/job/spec.ts';
import { validateManifest } from '../../domain/job/validate.ts';
import { UniqueNames } from '../crontab/names.ts';

/** What came of another scheduler's definitions. */
export interface Converted {
  readonly manifests: readonly (ManifestInput | CalendarManifest)[];
  readonly notices: readonly Notice[];
}

/** Something that the other scheduler's job says and ours does not say, or says in another way. */
export interface Notice {
  /** The job, as it is called there. */
  readonly job: string;
  readonly message: string;
  /** Whether it gave no job. */
  readonly dropped: boolean;
}

export interface CalendarManifest {
  readonly apiVersion: 'cronmesh.io/v1alpha1';
  readonly kind: 'Calendar';
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Record<string, unknown>;
}

export interface ConvertOptions {
  /** Of the jobs. Without it, manifests name none, or the one that theirs had. */
  readonly namespace?: string | undefined;
  /** The zone in which times were meant that name none. Default UTC. */
  readonly defaultTimeZone?: string | undefined;
}

/** What another scheduler's definition holds. */
export type Fields = Record<string, unknown>;
export type Spec = ManifestInput['spec'];
type Executor = Spec['executor'];

/** Tells of one thing that is not carried over. */
export type Tell = (message: string) => void;

/** A job of another scheduler can't be one here; the message says why. */
export class NotConvertible extends Error {
  override readonly name = 'NotConvertible';
}

/** The longest that a job may take here: for schedulers that never end one. */
export const noTimeoutSeconds = 31_536_000;

/** Gathers what comes of each job, in order. */
export class Conversion {
  readonly #names = new UniqueNames();
  readonly #manifests: (ManifestInput | CalendarManifest)[] = [];
  readonly #notices: Notice[] = [];

  /** Converts one; what it throws is its notice. */
  add(job: string, convert: (tell: Tell) => ManifestInput): void {
    const tell = (message: string): void => {
      this.#notices.push({ job, message, dropped: false });
    };
    try {
      const manifest = convert(tell);
      validateManifest(manifest);
      this.#manifests.push(manifest);
    } catch (error) {
      this.#notices.push({ job, message: `is not converted: ${(error as Error).message}`, dropped: true });
    }
  }

  /** One for each name. */
  addCalendar(calendar: CalendarManifest): void {
    const same = this.#manifests.some(({ kind, metadata }) => {
      return (
        kind === 'Calendar' &&
        metadata.name === calendar.metadata.name &&
        metadata.namespace === calendar.metadata.namespace
      );
    });
    if (!same) this.#manifests.unshift(calendar);
  }

  tell(job: string, message: string): void {
    this.#notices.push({ job, message, dropped: false });
  }

  /** A name that no other job has, as near to theirs as names here may be. */
  nameFor(text: string): string {
    return this.#names.take(jobNameOf(text), text);
  }

  get result(): Converted {
    return { manifests: this.#manifests, notices: this.#notices };
  }
}

/** A job's manifest, without what says nothing. */
export function manifestOf(
  metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  },
  spec: Spec,
): ManifestInput {
  const { name, namespace, labels = {}, annotations = {} } = metadata;
  return {
    apiVersion: 'cronmesh.io/v1alpha1',
    kind: 'CronJob',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec,
  };
}

/** @example jobNameOf('Nightly_Report v2') // 'nightly-report-v2' */
export function jobNameOf(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 100)
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'job' : name;
}

/** Tells of fields that nobody looked at, but for those that say nothing. */
export function tellUnknown(given: Record<string, unknown>, known: ReadonlySet<string>, tell: Tell, prefix = ''): void {
  for (const [name, value] of Object.entries(given)) {
    if (!known.has(name) && !isNothing(value)) {
      tell(`${prefix}${name} is not carried over: ${JSON.stringify(value).slice(0, 100)}`);
    }
  }
}

/** Whether a field is as if it were not there. */
export function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** A string, or what is no string as one; undefined where there is none. */
export function textOf(value: unknown): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : String(value);
}

export type { Executor };
