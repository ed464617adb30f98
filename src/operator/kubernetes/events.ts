import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { pause } from '../../coordination/pause.ts';
import type { Clock, Instant, Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { apiVersion, type CronJobResource, kind } from '../resource.ts';
import { clip } from '../status/conditions.ts';
import type { KubernetesConnection } from './connection.ts';
import { KubernetesError } from './error.ts';

export type EventReason =
  | 'Created'
  | 'Updated'
  | 'Deleted'
  | 'InvalidSpec'
  | 'Conflict'
  | 'RunFailed'
  | 'RunLost'
  | 'FinalizerTimedOut';

const warnings: ReadonlySet<EventReason> = new Set([
  'InvalidSpec',
  'Conflict',
  'RunFailed',
  'RunLost',
  'FinalizerTimedOut',
]);

/** What is told again within this time is the same event with a higher count. */
const sameFor: Milliseconds = 600_000;
/** An event is changed at most this often. */
const changeEvery: Milliseconds = 10_000;
const passEvery: Milliseconds = 1_000;
/** Events sent in one pass: the rest waits, and counts on. */
const perPass = 25;
const maxRemembered = 20_000;
const maxMessage = 1_024;
const component = 'cronmesh-operator';

interface Told {
  readonly resource: CronJobResource;
  readonly reason: EventReason;
  readonly name: string;
  readonly first: Instant;
  message: string;
  count: number;
  last: Instant;
  /** When it was last sent; undefined before. */
  sentAt: Instant | undefined;
}

/**
 * Events on resources (core/v1), for `kubectl describe`. What happens again is counted in one event for each resource
 * and reason, and no more than 25 requests a second are made: a job that fails each second floods nobody. Events are
 * hints: those that cannot be sent are dropped.
 */
export class EventRecorder {
  readonly #connection: KubernetesConnection;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #told = new Map<string, Told>();
  readonly #unsent = new Set<Told>();

  constructor(options: { readonly connection: KubernetesConnection; readonly logger: Logger; readonly clock?: Clock }) {
    this.#connection = options.connection;
    this.#logger = options.logger;
    this.#clock = options.clock ?? Date.now;
  }

  /** Returns at once. */
  record(resource: CronJobResource, reason: EventReason, message: string): void {
    const key = `${resource.metadata.uid}/${reason}`;
    const now = this.#clock();
    const text = clip(message, maxMessage);
    const before = this.#told.get(key);
    if (before !== undefined && now - before.first < sameFor) {
      Object.assign(before, { message: text, count: before.count + 1, last: now });
      this.#unsent.add(before);
      return;
    }
    const name = `${resource.metadata.name.slice(0, 200)}.${randomBytes(8).toString('hex')}`;
    const told = { resource, reason, name, first: now, message: text, count: 1, last: now, sentAt: undefined };
    this.#told.delete(key);
    this.#told.set(key, told);
    this.#unsent.add(told);
    if (this.#told.size > maxRemembered) this.#told.delete(this.#told.keys().next().value ?? '');
  }

  /** Sends until the signal is aborted, then once what is left, as far as a pass goes. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(passEvery, signal);
      await this.#pass();
    }
  }

  async #pass(): Promise<void> {
    const now = this.#clock();
    const due = [...this.#unsent].filter(told => told.sentAt === undefined || now - told.sentAt >= changeEvery);
    await Promise.all(due.slice(0, perPass).map(told => this.#send(told)));
  }

  async #send(told: Told): Promise<void> {
    const isNew = told.sentAt === undefined;
    told.sentAt = this.#clock();
    this.#unsent.delete(told);
    const { namespace } = told.resource.metadata;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const last = new Date(told.last).toISOString().replace(/\.\d+Z$/, 'Z');
    const { count, message } = told;
    try {
      if (isNew) await this.#connection.request('POST', path, { body: eventOf(told, last) });
      else {
        const body = { count, message, lastTimestamp: last };
        await this.#connection.request('PATCH', `${path}/${told.name}`, { body, type: 'application/merge-patch+json' });
      }
    } catch (error) {
      // Expired meanwhile: what comes next makes a new one.
      if (error instanceof KubernetesError && error.notFound) {
        this.#told.delete(`${told.resource.metadata.uid}/${told.reason}`);
      }
      this.#logger.debug({ reason: (error as Error).message, event: told.reason }, 'an event was not sent');
    }
  }
}

function eventOf(told: Told, last: string) {
  const { namespace, name, uid, resourceVersion } = told.resource.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name: told.name },
    involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion },
    type: warnings.has(told.reason) ? 'Warning' : 'Normal',
    reason: told.reason,
    message: told.message,
    count: told.count,
    firstTimestamp: new Date(told.first).toISOString().replace(/\.\d+Z$/, 'Z'),
    lastTimestamp: last,
    source: { component },
    reportingComponent: component,
    reportingInstance: hostname(),
  };
}
