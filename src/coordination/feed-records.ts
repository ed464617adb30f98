import type { Entry } from './coordinator.ts';
import { jobPath } from './keys.ts';
import { decode, type FeedHeadRecord, type FeedRecord, type JobRecord } from './records.ts';

/** Anyone may put anything below `cron/`: what is read from there is looked at before it is believed. */

/** Undefined for what is no feed shard. */
export function decodeFeed(entry: Entry): FeedRecord | undefined {
  const record = attempt<FeedRecord>(entry);
  return record !== undefined && Number.isInteger(record.count) && Array.isArray(record.changes) ? record : undefined;
}

/** Undefined for what is no head. */
export function decodeHead(entry: Entry): FeedHeadRecord | undefined {
  const record = attempt<FeedHeadRecord>(entry);
  return record !== undefined && Array.isArray(record.jobs) && Number.isInteger(record.previous) ? record : undefined;
}

/** @throws Error that says what is wrong with it */
export function decodeJob(entry: Entry): JobRecord {
  const record = decode<JobRecord>(entry);
  const { uid, namespace, name, spec, revision, floor, anchor } = record as Partial<JobRecord>;
  if (typeof uid !== 'string' || typeof spec !== 'object' || spec === null) {
    throw new Error(`${entry.key}: no published job (it has no uid or no spec)`);
  }
  if (entry.key !== jobPath(`${namespace}/${name}`)) {
    throw new Error(`${entry.key}: the job in it is called ${namespace}/${name}`);
  }
  if (![revision, floor, anchor].every(Number.isFinite)) {
    throw new Error(`${entry.key}: revision, floor or anchor is no number`);
  }
  return record;
}

function attempt<T extends { readonly v: 1 }>(entry: Entry): T | undefined {
  try {
    return decode<T>(entry);
  } catch {
    return undefined;
  }
}
