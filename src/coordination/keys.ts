import type { JobKey } from '../domain/job/job.ts';
import type { RunId, WorkerId } from '../domain/run/run.ts';

/** Every key that Cronmesh uses, and nothing else builds one. See docs/coordination.md for who writes which. */
export const prefix = {
  jobs: 'cron/jobs/',
  feed: 'cron/feed/',
  cursor: 'cron/cursor/',
  lock: 'cron/lock/',
  trigger: 'cron/trigger/',
  killer: 'cron/killer/',
  lane: 'cron/lane/',
  lost: 'cron/lost/',
  leader: 'cron/leader/',
  published: 'cron/published/',
  cordon: 'cron/cordon/',
  callback: 'cron/callback/',
  modules: 'cron/modules/',
  whole: 'cron/whole/',
} as const;

export const epochKey = 'cron/epoch';
/** A worker found that Consul lost its past under the epoch named there: the leader begins the next, had it seen nothing itself. */
export const doubtKey = 'cron/doubt';
/** The freezes in force, and those that ended lately. */
export const freezeKey = 'cron/freeze';
/** Names the shards that the newest publication touched, and the head's index before it: a reader that missed none reads only those. */
export const feedHeadKey = 'cron/feed/head';
export const feedShards = 64;

export const jobPath = (job: JobKey): string => `${prefix.jobs}${job}`;
export const feedPath = (shard: number): string => `${prefix.feed}${shard}`;
export const cursorPath = (job: JobKey): string => `${prefix.cursor}${job}`;
/** `slot` is a number for exclusive and limited policies, the run's id for Allow without a maximum and for members. */
export const lockPath = (job: JobKey, slot: number | RunId): string => `${prefix.lock}${job}/${slot}`;
/** The one lock of all jobs of a namespace that name this group. Neither a slot nor a run's id is called `group`. */
export const groupLockPath = (namespace: string, group: string): string => `${prefix.lock}${namespace}/${group}/group`;
export const isGroupLock = (path: string): boolean => path.endsWith('/group');
export const triggerPath = (job: JobKey, run: RunId): string => `${prefix.trigger}${job}/${run}`;
export const wholePath = (job: JobKey): string => `${prefix.whole}${job}`;
export const killerPath = (job: JobKey, run: RunId): string => `${prefix.killer}${job}/${run}`;
export const lanePath = (worker: WorkerId, lane: number | 'beat'): string => `${prefix.lane}${worker}/${lane}`;
/** Stands from a trigger's writing until its deadline: a trigger that was claimed meanwhile is not written twice. */
export const publishedPath = (run: RunId, attempt = 1): string =>
  `${prefix.published}${run}${attempt > 1 ? `/${attempt}` : ''}`;
/** The run of such a mark. */
export const runOfPublished = (path: string): RunId => path.slice(prefix.published.length).split('/', 1)[0] as RunId;
/** Of an asynchronous http run, while its server may say how it went. */
export const callbackPath = (run: RunId): string => `${prefix.callback}${run}`;
/** Schemas of modules, under the hash of what is in it: workers with the same modules share it. */
export const moduleCatalogPath = (hash: string): string => `${prefix.modules}${hash}`;
export const lostPath = (run: RunId): string => `${prefix.lost}${run}`;
/** By the worker's configured name: it holds for the worker's next process, too. */
export const cordonPath = (name: string): string => `${prefix.cordon}${name}`;
export const leaderPath = (role: string): string => `${prefix.leader}${role}`;

/** The job of a key below one of the prefixes that hold `<namespace>/<name>[/…]`. */
export function jobOfPath(path: string, below: string): JobKey {
  const [namespace, name] = path.slice(below.length).split('/');
  return `${namespace}/${name}`;
}

/** The feed shard of a job: FNV-1a of its key, modulo 64. */
export function feedShardOf(job: JobKey): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < job.length; i++) hash = Math.imul(hash ^ job.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % feedShards;
}
