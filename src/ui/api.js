// The REST API, as far as the page needs it.
import { learnServerTime } from './format.js';
import { Stream } from './stream.js';

/**
 * @typedef {{ id: string, namespace: string, name: string, trigger: string, tick?: string, state: string,
 *   attempt: number, worker?: string, requestedAt: string, claimedAt?: string, startedAt?: string, finishedAt?: string,
 *   exitCode?: number, signal?: string, httpStatus?: number, reason?: string, message?: string,
 *   lastOutcome?: string, nextAttemptAt?: string, chain?: string, upstream?: string[],
 *   member?: { index: number, count: number }, progress?: number, progressMessage?: string }} Run
 * @typedef {{ job: string, outcome: string, exists: boolean, arrived?: { run: string, state: string, at: string } }} ChainLink
 * @typedef {{ command?: string | string[], script?: string }} Shell
 * @typedef {{ metadata: { name: string, namespace: string, uid: string, revision: number },
 *   spec: { schedule: string, timeZone?: string, suspend: boolean, concurrencyPolicy: string,
 *     executor: { shell?: Shell, http?: { url: string, method: string }, module?: { name: string },
 *       custom?: { name: string } } },
 *   status: { nextTick?: string, lastRun?: Run, source: string,
 *     paused?: { at: string, reason: string, detail: string }, problems?: string[] } }} Job
 * @typedef {{ from: string, to: string, count: number, reason: string, detail: string }} Skip
 * @typedef {{ id: string, from: string, to: string, state: string, total: number, done: number, running: number,
 *   failed: number, skipped: number, requestedAt: string }} Backfill
 * @typedef {{ name: string, ready: boolean }} Worker
 * @typedef {{ scope: string, state: string, since: string, until?: string, by: string, reason: string }} Freeze
 */

/** @template T @typedef {{ items: T[], next?: string }} Page */

/** What the server said no to, in its own words. */
export class ApiError extends Error {}

/** The server wants a token that it knows. */
export class TokenNeeded extends ApiError {}

const place = 'cronmesh-token';

/** Kept for this tab alone, until it is closed. @param {string} token */
export const useToken = token => sessionStorage.setItem(place, token);

function authorization() {
  const token = sessionStorage.getItem(place);
  /** @type {Record<string, string>} */
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return headers;
}

/**
 * @param {string} path
 * @param {string} [method]
 * @returns {Promise<any>}
 */
async function request(path, method = 'GET') {
  let response;
  try {
    response = await fetch(path, { method, headers: { Accept: 'application/json', ...authorization() } });
  } catch {
    throw new ApiError('The server does not answer. Trying again…');
  }
  learnServerTime(response);
  const body = await response.json().catch(() => undefined);
  if (response.status === 401) throw new TokenNeeded(body?.detail ?? 'A token is needed.');
  if (!response.ok) throw new ApiError(body?.detail ?? `The server answered ${response.status}.`);
  return body;
}

/** @param {{ namespace: string, name: string }} job */
const jobPath = ({ namespace, name }) =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/jobs/${encodeURIComponent(name)}`;

/** @param {Record<string, string | number | string[]>} fields */
function query(fields) {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) {
    for (const one of [value].flat()) if (one !== '') parameters.append(key, String(one));
  }
  return parameters.toString();
}

/** @param {string} search @param {number} limit @returns {Promise<Page<Job>>} */
export const listJobs = (search, limit) => request(`/api/v1/jobs?${query({ search, limit })}`);

/** @param {string[]} state @param {number} limit @returns {Promise<Page<Run>>} */
export const listRuns = (state, limit) => request(`/api/v1/runs?${query({ state, limit })}`);

/** @returns {Promise<Page<Worker>>} */
export const listWorkers = () => request('/api/v1/workers');

/** @returns {Promise<Page<Freeze>>} */
export const listFreezes = () => request('/api/v1/freeze');

/** @param {Job['metadata']} job @returns {Promise<{ items: string[], timeZone: string }>} */
export const nextTicks = job => request(`${jobPath(job)}/next?count=5`);

/** @param {Job['metadata']} job @returns {Promise<Page<Skip>>} */
export const listSkips = job => request(`${jobPath(job)}/skips?limit=10`);

/** @param {Job['metadata']} job @returns {Promise<Page<Backfill>>} */
export const listBackfills = job => request(`${jobPath(job)}/backfills?limit=5`);
/** @param {Job['metadata']} job @returns {Promise<{ upstreams: ChainLink[], downstreams: ChainLink[] }>} */
export const chainLinks = job => request(`${jobPath(job)}/chain`);

/** @param {string} id @returns {Promise<{ items: Run[] }>} */
export const getChain = id => request(`/api/v1/runs/${id}/chain`);

/** @param {Job['metadata']} job @returns {Promise<Run>} */
export const trigger = job => request(`${jobPath(job)}/trigger`, 'POST');

/** @param {Job['metadata']} job @param {boolean} suspend @returns {Promise<Job>} */
export const setSuspended = (job, suspend) => request(`${jobPath(job)}/${suspend ? 'suspend' : 'resume'}`, 'POST');

/** @param {string} id @returns {Promise<Run>} */
export const getRun = id => request(`/api/v1/runs/${id}`);

/** @param {string} id @returns {Promise<Run>} */
export const kill = id => request(`/api/v1/runs/${id}/kill`, 'POST');

/** @param {string} id */
export const logStream = id => new Stream(`/api/v1/runs/${id}/logs?follow=true`, authorization);

export const changeStream = () => new Stream('/api/v1/events', authorization);
