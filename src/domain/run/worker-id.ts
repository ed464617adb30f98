import type { WorkerId } from './run.ts';

/** A worker's id: its configured name, and five characters that are new with each process. */
export const makeWorkerId = (name: string, random: string): WorkerId => `${name}-${random}` as WorkerId;

/** The configured name in a worker's id. */
export const workerNameOf = (id: WorkerId): string => id.replace(/-[a-z0-9]{5}$/, '');
