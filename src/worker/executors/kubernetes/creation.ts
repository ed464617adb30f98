import { pause } from '../../../coordination/pause.ts';
import { backoffDelay, defaultBackoff } from '../../../domain/backoff.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';
import type { KubernetesApi } from './api/api.ts';
import { ApiError, isNotFound, oneLine } from './api/errors.ts';
import type { Job } from './api/objects.ts';
import { belongsTo, jobNameOf, jobsPath } from './names.ts';
import type { AttemptView } from './view.ts';

/** What became of making an attempt's Job. */
export type Creation =
  | { readonly kind: 'there'; readonly job: Job; readonly made: boolean }
  /** It was made and is gone already. */
  | { readonly kind: 'gone' }
  /** Refused for good, or taken by another: nothing of this attempt exists. */
  | { readonly kind: 'refused'; readonly message: string }
  /** Asked to stop before anything was made: nothing exists. */
  | { readonly kind: 'stopped' }
  /** It may have been made and be gone again, or may never have been: only that it is not there is known. */
  | { readonly kind: 'unknown'; readonly message: string };

/** The server is told to give up a creation after this time: what has not appeared by then, and a bit, never will. */
const serverTimeout: Milliseconds = 10_000;
const settledAfter: Milliseconds = 13_000;
/**
 * With an unclear answer behind it a creation is asked for again for this long, and no longer: an ended Job stays for
 * 60 s at least (`ttlSecondsAfterFinished`), so one that had been made is still there to refuse the second.
 */
const repeatFor: Milliseconds = 45_000;
/** A token that has just expired is renewed within this time. */
const unauthorizedFor: Milliseconds = 10_000;

const never = new AbortController().signal;

export interface CreationOptions {
  readonly api: KubernetesApi;
  readonly request: StartRequest;
  readonly body: object;
  /** Sees the Job come and go, whatever the answers say. */
  readonly view: Pick<AttemptView, 'job' | 'gone'>;
  /** Aborted: nothing is asked for any more, and what was asked for is waited for. */
  readonly stop: AbortSignal;
  /** A failure that is passing: it is tried again. */
  onTrouble(message: string): void;
}

/** Makes an attempt's Job, once: the name is the attempt's own, and the API server takes it only once. */
export async function createJob(options: CreationOptions): Promise<Creation> {
  const { api, request, view, stop } = options;
  const path = jobsPath(request.job.namespace);
  const began = performance.now();
  /** When an unclear try was sent first and last. */
  let unclear: { readonly first: number; last: number } | undefined;
  for (let attempt = 0; ; attempt++) {
    const seen = seenOf(view);
    if (seen) return seen;
    if (stop.aborted || (unclear && performance.now() - unclear.first > repeatFor)) {
      return unclear ? await settle(options, unclear.last) : { kind: 'stopped' };
    }
    const sent = performance.now();
    try {
      const query = { timeout: `${serverTimeout / 1_000}s`, fieldManager: 'cronmesh' };
      const job = await api.call<Job>('POST', path, { query, body: options.body, timeout: serverTimeout + 2_000 });
      return { kind: 'there', job, made: true };
    } catch (error) {
      if (!(error instanceof ApiError)) return { kind: 'refused', message: oneLine(error) };
      if (error.reason === 'AlreadyExists') return await existing(options);
      if (!error.passing || (error.status === 401 && sent - began > unauthorizedFor)) {
        // A refusal says nothing about an earlier try that was not answered.
        if (unclear) return await settle(options, unclear.last);
        return { kind: 'refused', message: `its Job was refused: ${oneLine(error)}` };
      }
      if (error.unclear) unclear = { first: unclear?.first ?? sent, last: sent };
      if (attempt === 0) options.onTrouble(`its Job could not be made yet: ${oneLine(error)}`);
      await pause(Math.max(error.retryAfter ?? 0, backoffDelay(defaultBackoff, attempt, Math.random())), stop);
    }
  }
}

function seenOf({ gone, job }: CreationOptions['view']): Creation | undefined {
  if (gone) return { kind: 'gone' };
  return job && { kind: 'there', job, made: true };
}

/** Looks until an unanswered try must have had its effect. */
async function settle(options: CreationOptions, lastSent: number): Promise<Creation> {
  for (let attempt = 0; ; attempt++) {
    const looked = performance.now();
    const seen = seenOf(options.view) ?? (await look(options));
    if (seen) return seen;
    if (looked - lastSent > settledAfter) {
      const message = 'whether its Job was made is not known: the Kubernetes API did not answer, and later had none';
      return options.stop.aborted ? { kind: 'stopped' } : { kind: 'unknown', message };
    }
    await pause(backoffDelay(defaultBackoff, attempt, Math.random()), never);
  }
}

/** @returns undefined when it is not there; never rejects, but asks until there is an answer */
async function look(options: CreationOptions): Promise<Creation | undefined> {
  const found = await findJob(options, never);
  if (found.kind === 'there') return { kind: 'there', job: found.job, made: true };
  return found.kind === 'other' ? { kind: 'refused', message: found.message } : undefined;
}

/** The name is taken: by an earlier try of this very attempt, or by something else. */
async function existing(options: CreationOptions): Promise<Creation> {
  const found = await findJob(options, never);
  switch (found.kind) {
    case 'there':
      return { kind: 'there', job: found.job, made: false };
    case 'other':
      return { kind: 'refused', message: found.message };
    case 'unreadable':
      return { kind: 'unknown', message: found.message };
    case 'missing':
      return { kind: 'gone' };
  }
}

export type Finding =
  | { readonly kind: 'there'; readonly job: Job }
  /** A Job of this name that does not belong to the attempt. */
  | { readonly kind: 'other'; readonly message: string }
  | { readonly kind: 'missing' }
  /** It may not be read, or the signal was aborted. */
  | { readonly kind: 'unreadable'; readonly message: string };

/** Looks for an attempt's Job by its name, until there is an answer. */
export async function findJob(
  { api, request, onTrouble }: Pick<CreationOptions, 'api' | 'request' | 'onTrouble'>,
  signal: AbortSignal,
): Promise<Finding> {
  const name = jobNameOf(request);
  for (let attempt = 0; ; attempt++) {
    try {
      const job = await api.call<Job>('GET', `${jobsPath(request.job.namespace)}/${name}`, { signal });
      if (belongsTo(job.metadata.labels, request)) return { kind: 'there', job };
      const message = `the Job ${name} in namespace ${request.job.namespace} is not this run's: its labels name another`;
      return { kind: 'other', message };
    } catch (error) {
      if (isNotFound(error)) return { kind: 'missing' };
      const message = `its Job cannot be read: ${oneLine(error)}`;
      if (signal.aborted || (error instanceof ApiError && !error.passing)) return { kind: 'unreadable', message };
      if (attempt === 0) onTrouble(message);
      await pause(backoffDelay(defaultBackoff, attempt, Math.random()), signal);
      if (signal.aborted) return { kind: 'unreadable', message };
    }
  }
}
