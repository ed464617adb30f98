import { setTimeout as sleep } from 'node:timers/promises';
import { validateManifest } from '../../../src/domain/job/validate.ts';
import type { Edit, JobSpecView, Request, Start } from '../history/history.ts';
import { type Change, jobKeyOf, type PlannedJob, type Work } from '../plan/plan.ts';
import { manifestOf, type Place } from '../workload/manifest.ts';
import { type Answer, ask, type JobView, resultOf } from './rest.ts';

export interface DriverOptions {
  /** Base URLs. */
  readonly masters: readonly string[];
  readonly place: Place;
  readonly jobs: readonly PlannedJob[];
  /** The attempts that go on now, by the truth. */
  readonly open: () => readonly Start[];
  readonly signal: AbortSignal;
}

/** The clients: they ask once, of one master, and write down what they were told. */
export class Driver {
  readonly edits: Edit[] = [];
  readonly requests: Request[] = [];
  readonly #options: DriverOptions;
  readonly #jobs: ReadonlyMap<string, PlannedJob>;
  /** What each job's spec is, by the answers. */
  readonly #specs = new Map<string, JobSpecView>();
  readonly #works = new Map<string, Work>();
  /** Jobs' changes go one after another, as one client's do; and what is looked up of those without an answer. */
  readonly #queues = new Map<string, Promise<void>>();
  readonly #lookups = new Set<Promise<void>>();

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#jobs = new Map(options.jobs.map(job => [jobKeyOf(job), job]));
  }

  /** Makes all jobs. @throws Error when a master does not take one */
  async createAll(): Promise<void> {
    const waiting = [...this.#jobs.keys()];
    const lane = async (master: number) => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        await this.change({ at: 0, master, job, action: 'create' });
        const { result, status } = this.edits.findLast(edit => `${edit.namespace}/${edit.name}` === job) ?? {};
        if (result !== 'done') throw new Error(`job ${job} could not be made: ${result}, status ${status}`);
      }
    };
    await Promise.all([0, 1, 2, 3].map(lane));
  }

  /** Carries a change out. Resolves when it was answered, or not. */
  change(change: Change): Promise<void> {
    const before = this.#queues.get(change.job) ?? Promise.resolve();
    const after = before.then(() => (isRequest(change) ? this.#request(change) : this.#edit(change)));
    this.#queues.set(change.job, after);
    return after;
  }

  /** Some edits at once, of jobs that are edited: a new text for each, all sent to one master. */
  burst(master: number): void {
    const edited = [...this.#jobs.values()].filter(one => one.edited);
    for (const job of edited) {
      const text = `burst-${Date.now() % 1_000_000}`;
      void this.change({ at: 0, master, job: jobKeyOf(job), action: 'replace', text });
    }
  }

  /** Nothing fires any more. What was suspended stays as it is: its stretch would end, and begin anew. */
  async suspendAll(): Promise<void> {
    const firing = [...this.#jobs.keys()].filter(job => this.#specs.get(job)?.suspend === false);
    const there = firing.map((job, master) => this.change({ at: 0, master, job, action: 'suspend' }));
    await Promise.all(there);
  }

  /** Waits for what was sent, and for what is looked up. */
  async finish(): Promise<void> {
    await Promise.all(this.#queues.values());
    await Promise.all(this.#lookups);
  }

  #master(index: number): string {
    const { masters } = this.#options;
    return masters[index % masters.length] ?? '';
  }

  async #edit(change: Change): Promise<void> {
    const job = this.#jobs.get(change.job);
    if (job === undefined) throw new Error(`the plan has no job ${change.job}`);
    const { namespace, name } = job;
    const { method, path, body, spec, action } = this.#asked(job, change);
    const index = this.edits.length;
    const sent = Date.now();
    // In its place in the order of sending, whatever is answered first.
    this.edits.push({ namespace, name, sent, answered: sent, result: 'unknown', action, ...(spec && { spec }) });
    const answer = await ask(this.#master(change.master), method, path, body);
    const edit = { ...this.edits[index], ...answeredEdit(answer, action), sent: answer.sent } as Edit;
    this.edits[index] = edit;
    if (edit.result === 'done' && edit.spec !== undefined) this.#specs.set(change.job, edit.spec);
    if (edit.result === 'unknown') this.#later(index, job);
  }

  #asked(job: PlannedJob, change: Change) {
    const { namespace, name } = job;
    const key = change.job;
    const collection = `/api/v1/namespaces/${namespace}/jobs`;
    const path = `${collection}/${name}`;
    const known = this.#specs.get(key);
    switch (change.action) {
      case 'create': {
        this.#works.set(key, job.work);
        const body = manifestOf(job, this.#options.place);
        const spec = validateManifest(body).spec as unknown as JobSpecView;
        this.#specs.set(key, spec);
        return { action: change.action, method: 'POST', path: collection, body, spec };
      }
      case 'replace': {
        const work = { ...(this.#works.get(key) ?? job.work), ...(change.text !== undefined && { text: change.text }) };
        this.#works.set(key, work);
        const schedule = change.schedule ?? known?.schedule ?? job.spec.schedule;
        const { executor } = manifestOf({ ...job, work }, this.#options.place).spec;
        const body = { spec: change.schedule === undefined ? { executor } : { schedule } };
        return { action: change.action, method: 'PATCH', path, body, ...this.#patched(key, body.spec) };
      }
      case 'suspend':
      case 'resume': {
        const patched = this.#patched(key, { suspend: change.action === 'suspend' });
        return { action: change.action, method: 'POST', path: `${path}/${change.action}`, body: undefined, ...patched };
      }
      case 'delete':
        return { action: change.action, method: 'DELETE', path, body: undefined, spec: undefined };
      default:
        throw new Error(`${change.action} is no edit`);
    }
  }

  #patched(key: string, changed: Partial<JobSpecView> | object): { spec: JobSpecView | undefined } {
    const known = this.#specs.get(key);
    return { spec: known && { ...known, ...changed } };
  }

  /** What became of an edit that nobody answered: tells uid and revision, when a master can say. */
  #later(index: number, job: PlannedJob): void {
    const one = `/api/v1/namespaces/${job.namespace}/jobs/${job.name}`;
    const lookup = async () => {
      for (let tries = 0; !this.#options.signal.aborted && tries < 40; tries++) {
        await sleep(1_500);
        const answer = await ask(this.#master(tries), 'GET', one, undefined, 2_000);
        if (answer.status === 404) return;
        if (answer.status !== 200) continue;
        const { metadata, spec } = answer.body as JobView;
        const edit = this.edits[index];
        if (edit === undefined) return;
        this.edits[index] = { ...edit, uid: metadata.uid, revision: metadata.revision };
        this.#specs.set(jobKeyOf(job), spec as unknown as JobSpecView);
        return;
      }
    };
    const done = lookup().finally(() => this.#lookups.delete(done));
    this.#lookups.add(done);
  }

  async #request({ action, job, master }: Change): Promise<void> {
    const [namespace = '', name = ''] = job.split('/');
    const run = action === 'kill' ? this.#runOf(namespace, name) : undefined;
    if (action === 'kill' && run === undefined) return;
    const path =
      run === undefined ? `/api/v1/namespaces/${namespace}/jobs/${name}/trigger` : `/api/v1/runs/${run}/kill`;
    const index = this.requests.length;
    const sent = Date.now();
    const base = { action: action === 'kill' ? ('kill' as const) : ('trigger' as const), namespace, name };
    this.requests.push({ ...base, sent, answered: sent, result: 'unknown', ...(run !== undefined && { run }) });
    const answer = await ask(this.#master(master), 'POST', path);
    const answered = (answer.body as { id?: string } | undefined)?.id;
    const named = run ?? (resultOf(answer) === 'done' ? answered : undefined);
    this.requests[index] = {
      ...base,
      sent: answer.sent,
      answered: answer.answered,
      result: resultOf(answer),
      status: answer.status,
      ...(named !== undefined && { run: named }),
    };
  }

  #runOf(namespace: string, name: string): string | undefined {
    return this.#options.open().findLast(one => one.namespace === namespace && one.name === name)?.run;
  }
}

const isRequest = ({ action }: Change): boolean => action === 'trigger' || action === 'kill';

function answeredEdit(answer: Answer, action: Edit['action']): Partial<Edit> {
  const { answered, status } = answer;
  const result = resultOf(answer);
  if (result !== 'done' || action === 'delete') return { answered, status, result };
  const { metadata, spec } = answer.body as JobView;
  return {
    answered,
    status,
    result,
    uid: metadata.uid,
    revision: metadata.revision,
    anchor: Date.parse(metadata.creationTimestamp),
    spec: spec as unknown as JobSpecView,
  };
}
