import { pause } from '../../../coordination/pause.ts';
import type { KubernetesExecutorSpec } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult } from '../ending.ts';
import type { EndReason, ExecutionHooks } from '../executor.ts';
import type { KubernetesApi } from './api/api.ts';
import { isFinished, type Job, type List, type Pod } from './api/objects.ts';
import { Logs } from './logs/logs.ts';
import { type Positions, readPositions, writePositions } from './logs/position.ts';
import { annotationKeys, attemptSelector, jobNameOf, jobsPath, podsPath } from './names.ts';
import { type Failure, jobResult, podFailure } from './outcome.ts';
import { hasRun, PodNotes } from './pod-notes.ts';
import { remove } from './removal.ts';
import type { AttemptView } from './view.ts';

export interface FollowingOptions {
  readonly api: KubernetesApi;
  readonly request: StartRequest;
  readonly spec: KubernetesExecutorSpec;
  readonly hooks: ExecutionHooks;
  readonly view: AttemptView;
  /** `made`: by this attempt's own creation, so that nothing is missed of it. */
  readonly found: { readonly job: Job; readonly made: boolean };
  readonly reason: () => EndReason | undefined;
  readonly killAt: () => number;
}

/** For the note of how far its output was passed on: another worker goes without it sooner than it waits for it. */
const noteWithin: Milliseconds = 2_000;
/** Of the last look at an ended Job's pods. */
const lastLookWithin: Milliseconds = 5_000;

/** Follows a Job that is there, to its end or its removal. */
export class Following {
  /** Undefined once it was let go of. */
  readonly result: Promise<AttemptResult | undefined>;
  readonly #options: FollowingOptions;
  readonly #notes = new PodNotes();
  readonly #logs: Logs;
  readonly #said = new Set<string>();
  #state: 'following' | 'ending' | 'over' | 'left' = 'following';
  #started = false;
  #failure: Failure | undefined;

  constructor(options: FollowingOptions) {
    this.#options = options;
    const { api, request, spec, hooks, view, found } = options;
    this.#logs = new Logs({
      api,
      namespace: request.job.namespace,
      view,
      limit: spec.outputLimitBytes,
      positions: this.#positions(),
      output: (stream, text) => hooks.output(stream, text),
    });
    view.setJob(found.job);
    this.result = this.#run(found.made);
  }

  /** There is a reason to end it. */
  end(): void {
    this.#options.view.wake();
  }

  /** Lets go of it and notes how far its output was passed on. @returns false when it has ended or is being ended */
  async leave(): Promise<boolean> {
    if (this.#state !== 'following' || this.#isEnded()) return false;
    this.#state = 'left';
    this.#options.view.wake();
    const { api, request } = this.#options;
    const positions = await this.#logs.leave();
    const path = `${jobsPath(request.job.namespace)}/${jobNameOf(request)}`;
    const body = { metadata: { annotations: { [annotationKeys.output]: writePositions(positions) } } };
    const options = { body, contentType: 'application/merge-patch+json', timeout: noteWithin };
    await api.call('PATCH', path, options).catch(() => {});
    return true;
  }

  /** Deletes it and waits until nothing of it is left. */
  async #remove(): Promise<'removed' | 'finished'> {
    const { api, request, view, killAt } = this.#options;
    // What its processes say at the end is read meanwhile.
    const stop = new AbortController();
    const looking = this.#lookOn(stop.signal);
    try {
      const options = { api, request, view, killAt, say: (line: string) => this.#say(line) };
      return await remove(options, () => view.job !== undefined && isFinished(view.job));
    } finally {
      stop.abort();
      view.wake();
      await looking;
    }
  }

  async #run(made: boolean): Promise<AttemptResult | undefined> {
    const { request, view, reason } = this.#options;
    if (!made) await this.#refresh(lastLookWithin);
    for (;;) {
      const changed = view.changed();
      if (this.#state === 'left') return undefined;
      this.#look();
      if (this.#isEnded()) {
        this.#state = 'over';
        return await this.#conclude();
      }
      const why = reason();
      if (why) {
        this.#state = 'ending';
        if ((await this.#remove()) === 'finished') return await this.#conclude();
        await this.#logs.finish();
        return endedResult(why, request.timeout);
      }
      await changed;
    }
  }

  #isEnded(): boolean {
    const { view } = this.#options;
    return view.gone || (view.job !== undefined && isFinished(view.job));
  }

  /** It ended by itself, or somebody deleted it. */
  async #conclude(): Promise<AttemptResult> {
    const { request, view } = this.#options;
    if (view.gone) await this.#remove();
    else await this.#refresh(lastLookWithin);
    this.#look();
    await this.#logs.finish();
    const result = view.job && jobResult(view.job, this.#failure, request.timeout);
    return result ?? { outcome: 'Killed', message: 'its Job was deleted' };
  }

  async #lookOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changed = this.#options.view.changed();
      this.#look();
      await changed;
    }
  }

  #look(): void {
    const { view, hooks } = this.#options;
    const { pods } = view;
    if (!this.#started && pods.some(hasRun)) {
      this.#started = true;
      hooks.started();
    }
    for (const pod of pods) {
      for (const line of this.#notes.of(pod)) this.#say(line);
      this.#failure = podFailure(pod) ?? this.#failure;
    }
    for (const [kind, trouble] of view.troubles) {
      if (!this.#said.has(kind)) this.#say(trouble);
      this.#said.add(kind);
    }
    this.#logs.look();
  }

  /** The pods as they are now, whatever the watch has brought so far. */
  async #refresh(within: Milliseconds): Promise<void> {
    const { api, request, view } = this.#options;
    const since = performance.now();
    const path = podsPath(request.job.namespace);
    const query = { labelSelector: attemptSelector(request) };
    for (let attempt = 0; attempt < 3 && performance.now() - since < within; attempt++) {
      try {
        const { items } = await api.call<List<Pod>>('GET', path, { query, timeout: within });
        return view.replacePods(items, since);
      } catch {
        await pause(500, AbortSignal.timeout(within));
      }
    }
  }

  /** Where the worker before left off; says so when that is not known. */
  #positions(): Positions | undefined {
    const { request, found } = this.#options;
    if (request.handovers === 0) return undefined;
    const positions = readPositions(found.job.metadata.annotations?.[annotationKeys.output]);
    if (!positions) {
      this.#say('the worker before did not note how far it had passed the output on: some of it may come twice');
    }
    return positions;
  }

  #say(line: string): void {
    void this.#options.hooks.output('system', `${line}\n`);
  }
}
