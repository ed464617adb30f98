import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesExecutorSpec } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import { longTimer } from '../../supervisor/clocks.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult, formatDuration } from '../ending.ts';
import type { EndReason, Execution, ExecutionHooks } from '../executor.ts';
import type { KubernetesApi } from './api/api.ts';
import { oneLine } from './api/errors.ts';
import type { Job } from './api/objects.ts';
import { jobBody } from './body.ts';
import { createJob, findJob } from './creation.ts';
import { Following } from './following.ts';
import { jobNameOf } from './names.ts';
import { waitForRoom } from './room.ts';
import type { Subscription, Watches } from './watches.ts';

/** How long a detachment waits for the answer of a creation that is under way. */
const creationWait: Milliseconds = 2_500;
/** A handed-over attempt's Job may be that new that its creation is still under way when the adopter first looks. */
const secondLook: Milliseconds = 2_000;

/** What is known of the Job before it is followed. */
type Start =
  | { readonly kind: 'there'; readonly job: Job; readonly made: boolean }
  | { readonly kind: 'over'; readonly result: AttemptResult }
  /** It may be there, and was let go of. */
  | { readonly kind: 'left' };

/** One attempt of a kubernetes job: finds room, makes or finds its Job, and follows it. */
export class KubernetesExecution implements Execution {
  readonly result: Promise<AttemptResult>;
  readonly #request: StartRequest;
  readonly #spec: KubernetesExecutorSpec;
  readonly #hooks: ExecutionHooks;
  readonly #api: KubernetesApi;
  readonly #subscription: Subscription;
  /** Aborted by `end` and `detach`: nothing new is begun. */
  readonly #stop = new AbortController();
  readonly #started: Promise<Start>;
  #phase: 'room' | 'making' | 'following' | 'over' = 'room';
  #following: Following | undefined;
  #reason: EndReason | undefined;
  #left: string | undefined;
  /** Let go of before it was known whether there is a Job. */
  #forgotten = false;
  #killAt = Number.POSITIVE_INFINITY;

  constructor(
    request: StartRequest,
    spec: KubernetesExecutorSpec,
    hooks: ExecutionHooks,
    shared: { readonly api: KubernetesApi; readonly watches: Watches },
  ) {
    this.#request = request;
    this.#spec = spec;
    this.#hooks = hooks;
    this.#api = shared.api;
    this.#subscription = shared.watches.subscribe(request.job.namespace, request);
    this.#started = this.#start().catch(error => {
      const message = `its Job could not be made: ${oneLine(error)}`;
      return { kind: 'over', result: { outcome: 'Failed', message } };
    });
    this.result = this.#run();
  }

  end(reason: EndReason, grace: Milliseconds): void {
    if (this.#left !== undefined || this.#phase === 'over') return;
    this.#reason ??= reason;
    this.#killAt = Math.min(this.#killAt, performance.now() + grace);
    this.#stop.abort();
    this.#following?.end();
  }

  async detach(why: string): Promise<boolean> {
    if (this.#left !== undefined || this.#reason || this.#phase === 'over') return false;
    this.#left = why;
    this.#stop.abort();
    if (this.#phase !== 'following') {
      const start = await Promise.race([this.#started, delay(creationWait, undefined)]);
      if (start?.kind === 'over') return false;
      if (start?.kind !== 'there') {
        this.#forgotten = true;
        return true;
      }
    }
    return (await this.#following?.leave()) ?? true;
  }

  async #run(): Promise<AttemptResult> {
    const start = await this.#started;
    if (start.kind === 'left' || this.#forgotten) return await this.#forget();
    if (start.kind === 'over') return this.#close(start.result);
    const followed = await this.#follow(start.job, start.made).catch((error): AttemptResult => {
      // No error is expected here; one that comes must not end the supervisor and all that it holds.
      return { outcome: 'Lost', message: `its Job ${this.#name} could not be followed: ${oneLine(error)}` };
    });
    return followed === undefined ? await this.#forget() : this.#close(followed);
  }

  #close(result: AttemptResult): AttemptResult {
    this.#phase = 'over';
    this.#subscription.close();
    return result;
  }

  /** Let go of: the result never comes. */
  #forget(): Promise<never> {
    this.#subscription.close();
    return new Promise(() => {});
  }

  async #start(): Promise<Start> {
    return this.#request.handovers > 0 ? await this.#find() : await this.#make();
  }

  /** Of an attempt that goes on without a worker: never makes anything. */
  async #find(): Promise<Start> {
    this.#phase = 'making';
    const options = { api: this.#api, request: this.#request, onTrouble: (line: string) => this.#say(line) };
    let found = await findJob(options, this.#stop.signal);
    if (found.kind === 'missing') {
      await delay(secondLook, undefined, { signal: this.#stop.signal }).catch(() => {});
      found = await findJob(options, this.#stop.signal);
    }
    if (found.kind === 'there') return { kind: 'there', job: found.job, made: false };
    if (found.kind === 'unreadable' && this.#stop.signal.aborted) {
      // It may well be there: whoever adopts it next will see, or it is found now, to be ended.
      if (!this.#reason) return { kind: 'left' };
      found = await findJob(options, new AbortController().signal);
      if (found.kind === 'there') return { kind: 'there', job: found.job, made: false };
    }
    const why =
      found.kind === 'missing'
        ? `its Job ${this.#name} was not found in namespace ${this.#request.job.namespace} when it was to be adopted`
        : found.message;
    return { kind: 'over', result: { outcome: 'Lost', message: why } };
  }

  async #make(): Promise<Start> {
    await this.#api.open();
    const refusal = await this.#room();
    if (refusal) return { kind: 'over', result: refusal };
    this.#phase = 'making';
    const made = await createJob({
      api: this.#api,
      request: this.#request,
      body: jobBody(this.#request, this.#spec),
      view: this.#subscription.view,
      stop: this.#stop.signal,
      onTrouble: line => this.#say(line),
    });
    switch (made.kind) {
      case 'there':
        return made;
      case 'gone':
        return { kind: 'over', result: { outcome: 'Killed', message: 'its Job was deleted' } };
      case 'unknown':
        return { kind: 'over', result: { outcome: 'Lost', message: made.message } };
      case 'refused':
        return { kind: 'over', result: { outcome: 'Failed', message: made.message } };
      case 'stopped':
        return { kind: 'over', result: this.#neverStarted() };
    }
  }

  /** Waits for room; a result when there is none. */
  async #room(): Promise<AttemptResult | undefined> {
    const { timeout, atOnce } = this.#request;
    const limit = new AbortController();
    const cancel = longTimer(timeout, () => limit.abort());
    const room = await waitForRoom({
      api: this.#api,
      request: this.#request,
      stop: AbortSignal.any([this.#stop.signal, limit.signal]),
      onWait: others => this.#say(`waits for the end of ${others}: ${atOnce} at once is the job's limit`),
    });
    cancel();
    if (room.kind === 'refused') return { outcome: 'Failed', message: room.message };
    if (room.kind === 'free') return undefined;
    const timedOut = this.#reason === undefined ? this.#left === undefined : this.#reason.kind === 'timeout';
    if (!timedOut || room.others === undefined) return this.#neverStarted();
    const message = `never started: waited ${formatDuration(timeout)} (its timeout) for the end of ${room.others}`;
    return { outcome: 'Failed', message };
  }

  /** Nothing was made, and nothing will be. */
  #neverStarted(): AttemptResult {
    if (this.#reason) return endedResult(this.#reason, this.#request.timeout);
    return {
      outcome: 'Lost',
      message: `never started: no Job had been made (${this.#left ?? 'its time was over'})`,
    };
  }

  async #follow(job: Job, made: boolean): Promise<AttemptResult | undefined> {
    const { namespace } = this.#request.job;
    const following = new Following({
      api: this.#api,
      request: this.#request,
      spec: this.#spec,
      hooks: this.#hooks,
      view: this.#subscription.view,
      found: { job, made },
      reason: () => this.#reason,
      killAt: () => this.#killAt,
    });
    this.#following = following;
    this.#phase = 'following';
    this.#say(`${made ? 'made' : 'follows'} Job ${this.#name} in namespace ${namespace}`);
    // Detached meanwhile: `detach` calls `leave` next.
    if (this.#reason) following.end();
    return await following.result;
  }

  get #name(): string {
    return jobNameOf(this.#request);
  }

  #say(line: string): void {
    void this.#hooks.output('system', `${line}\n`);
  }
}
