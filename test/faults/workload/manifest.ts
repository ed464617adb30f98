import { fileURLToPath } from 'node:url';
import type { PlannedJob, Work } from '../plan/plan.ts';

/** What of this run of the harness goes into the jobs. */
export interface Place {
  /** Where the truths and the locks are. */
  readonly folder: string;
  /** Epoch nanoseconds less the monotonic clock's. */
  readonly base: bigint;
  /** The base URL of the receiver of http jobs. */
  readonly receiver: string;
}

const program = fileURLToPath(new URL('job.pl', import.meta.url));

export const truthFile = (folder: string): string => `${folder}/truth.jsonl`;
export const locksFolder = (folder: string): string => `${folder}/locks`;

/** The job as it is sent to a master. */
export function manifestOf(job: Pick<PlannedJob, 'namespace' | 'name' | 'spec' | 'work'>, place: Place) {
  const { namespace, name, spec, work } = job;
  return {
    metadata: { namespace, name },
    spec: { ...spec, executor: executorOf(`${namespace}/${name}`, work, place) },
  };
}

/** What it runs. */
export function executorOf(job: string, work: Work, place: Place) {
  return work.kind === 'shell'
    ? { shell: { command: commandOf(job, work, place) } }
    : { http: requestOf(job, work, place) };
}

function commandOf(job: string, work: Work, { folder, base }: Place): string {
  const { slots, least, most, exit, lines, child, linger, text } = work;
  const given = { truth: truthFile(folder), locks: locksFolder(folder), base, job, slots, least, most, exit, lines };
  const all = { ...given, child: child ? 1 : 0, linger, text };
  const words = Object.entries(all).map(([key, value]) => `'${key}=${value}'`);
  // A clock that was moved by a preloaded library is none of the truth's.
  return `LD_PRELOAD= exec perl '${program}' ${words.join(' ')}`;
}

function requestOf(job: string, work: Work, { receiver }: Place) {
  const { least, most, exit, lines, text } = work;
  const query = new URLSearchParams({ job, ...texts({ least, most, exit, lines, text }) });
  return { url: `${receiver}/run?${query}`, method: 'POST' as const };
}

const texts = (values: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
