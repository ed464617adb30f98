import type { Job, Pod } from './api/objects.ts';

/** What is known of one attempt's Job and pods, and a signal for each change of it. */
export class AttemptView {
  #job: Job | undefined;
  #knownSince: number | undefined;
  #gone = false;
  readonly #pods = new Map<string, { readonly pod: Pod; readonly since: number }>();
  #next = Promise.withResolvers<void>();
  readonly #troubles = new Map<string, string>();

  /** The Job as it was seen last; also when it is gone. */
  get job(): Job | undefined {
    return this.#job;
  }

  /** Whether the Job was there and is not any more. */
  get gone(): boolean {
    return this.#gone;
  }

  get pods(): readonly Pod[] {
    return [...this.#pods.values()].map(({ pod }) => pod);
  }

  /** What keeps it from being up to date, by kind of object. */
  get troubles(): ReadonlyMap<string, string> {
    return this.#troubles;
  }

  setTrouble(kind: string, trouble: string): void {
    if (this.#troubles.has(kind)) return;
    this.#troubles.set(kind, trouble);
    this.wake();
  }

  clearTrouble(kind: string): void {
    this.#troubles.delete(kind);
  }

  /** Resolves with the next change. */
  changed(): Promise<void> {
    return this.#next.promise;
  }

  wake(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  setJob(job: Job): void {
    // A Job that is gone does not come back: one of its name would be another's.
    if (this.#gone || (this.#job && (this.#job.metadata.uid !== job.metadata.uid || isOlder(job, this.#job)))) return;
    this.#job = job;
    this.#knownSince ??= performance.now();
    this.wake();
  }

  deleteJob(job: Job): void {
    if (this.#job && this.#job.metadata.uid !== job.metadata.uid) return;
    this.#job = job;
    this.#gone = true;
    this.wake();
  }

  setPod(pod: Pod): void {
    const known = this.#pods.get(pod.metadata.uid);
    if (known && isOlder(pod, known.pod)) return;
    this.#pods.set(pod.metadata.uid, { pod, since: known?.since ?? performance.now() });
    this.wake();
  }

  deletePod(pod: Pod): void {
    if (this.#pods.delete(pod.metadata.uid)) this.wake();
  }

  /** The Job is missing in a list of all that was read at `since` or later. */
  missingJob(since: number): void {
    if (this.#gone || this.#knownSince === undefined || this.#knownSince >= since) return;
    this.#gone = true;
    this.wake();
  }

  /** These are all pods there were at `since`. */
  replacePods(pods: readonly Pod[], since: number): void {
    const present = new Set(pods.map(pod => pod.metadata.uid));
    for (const [uid, { since: knownSince }] of this.#pods) {
      if (!present.has(uid) && knownSince < since) this.#pods.delete(uid);
    }
    for (const pod of pods) this.setPod(pod);
    this.wake();
  }
}

/** Versions are numbers that grow; where they are not, the later arrival counts as the newer. */
function isOlder(one: Job | Pod, other: Job | Pod): boolean {
  const [a, b] = [Number(one.metadata.resourceVersion), Number(other.metadata.resourceVersion)];
  return Number.isSafeInteger(a) && Number.isSafeInteger(b) && a < b;
}
