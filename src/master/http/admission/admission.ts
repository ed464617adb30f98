import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Milliseconds } from '../../../domain/time.ts';
import type { Logger } from '../../../observability/logger.ts';
import { problemOf } from '../problem.ts';
import { Gate, ShedError } from './gate.ts';

/** Kinds of requests that do not take one another's places. */
export const requestClasses = ['reads', 'writes', 'streams'] as const;
export type RequestClass = (typeof requestClasses)[number];

export interface AdmissionOptions {
  /** Requests at once that look, and that change something. Sixteen times as many, 256 at least, wait for up to 5 s. */
  readonly reads: number;
  readonly writes: number;
  /** Open event streams and logs on their way, in all and of one client. */
  readonly streams: number;
  readonly streamsPerClient: number;
  /** How late timers may come before reads and new streams are refused; at twice as much, writes. */
  readonly loopDelay: Milliseconds;
  /** How late they come. */
  readonly delay: () => Milliseconds;
  readonly registry: Registry;
  readonly logger: Logger;
}

/** Node's own objects of a request. */
export interface Bindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

type Fetch = (request: Request, bindings: Bindings) => Response | Promise<Response>;

const patience: Milliseconds = 5_000;
/** Of places for waiting to places, and the least of them: a page of a browser asks for ten things at once. */
const waitingEach = 16;
const leastWaiting = 256;
/** A refusal is told so late: who asks again at once would otherwise cost more than what is refused. */
const refuseAfter: Milliseconds = 1_000;
/** … but for no more of them at once: each holds a connection. */
const mostRefusing = 1_000;
/** Refusals come by the thousand: a line for so long. */
const sayEvery: Milliseconds = 10_000;

/**
 * Stands before `fetch` and refuses what is too much, before anything is done for it: 429 `TooManyRequests` where the
 * client itself has too much under way, else 503 `Overloaded`. Health, readiness and metrics are always answered.
 *
 * @example http.use(admission(app.fetch, { reads: 32, … }))
 */
export function admission(fetch: Fetch, options: AdmissionOptions): Fetch {
  const { streams, streamsPerClient, loopDelay } = options;
  const ofClass = (what: RequestClass, active: number): Gate =>
    new Gate(what, { active, waiting: Math.max(leastWaiting, active * waitingEach), patience });
  const gates: Readonly<Record<RequestClass, Gate>> = {
    reads: ofClass('reads', options.reads),
    writes: ofClass('writes', options.writes),
    streams: new Gate('streams', { active: streams, activePerClient: streamsPerClient, waiting: 0, patience }),
  };
  const refuse = refusals(options, gates);
  const enter = async (what: RequestClass, { socket }: IncomingMessage): Promise<() => void> => {
    if (options.delay() > loopDelay * (what === 'writes' ? 2 : 1)) {
      throw new ShedError('loop', 'this process is behind with its work, and runs go first; try again');
    }
    return await gates[what].enter(socket.remoteAddress ?? 'unknown');
  };

  return async (request, bindings) => {
    const { incoming, outgoing } = bindings;
    const what = classOf(incoming.method ?? 'GET', incoming.url ?? '/');
    if (what === undefined) return await fetch(request, bindings);
    let leave: () => void;
    try {
      leave = await enter(what, incoming);
    } catch (error) {
      if (!(error instanceof ShedError)) throw error;
      await refuse(what, error, bindings);
      return RESPONSE_ALREADY_SENT;
    }
    // Open streams are work to the end; of the others the work is done once there is an answer.
    if (what === 'streams') outgoing.once('close', leave);
    if (outgoing.closed) leave();
    if (what === 'writes' && (await hasHungUp(incoming))) {
      leave();
      return RESPONSE_ALREADY_SENT;
    }
    try {
      return await fetch(request, bindings);
    } finally {
      if (what !== 'streams') leave();
    }
  };
}

/**
 * Whether who asked has given up on it, perhaps long ago, while this process was stopped: then nothing of it is done. The
 * end of a connection is read one turn of the event loop after what was sent before it.
 */
async function hasHungUp({ socket }: IncomingMessage): Promise<boolean> {
  await turn();
  return socket.destroyed || socket.readableEnded;
}

/** The class of a request by its method and its target; undefined for what is always answered. */
export function classOf(method: string, url: string): RequestClass | undefined {
  const path = url.split('?', 1)[0] ?? '';
  if (path === '/healthz' || path === '/readyz' || path === '/metrics') return undefined;
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') return 'writes';
  return path === '/api/v1/events' || /^\/api\/v1\/runs\/[^/]+\/logs$/.test(path) ? 'streams' : 'reads';
}

/** Answers without the machinery that answers what is let in: a refusal has to cost little. */
function refusals(
  { registry, logger }: AdmissionOptions,
  gates: Readonly<Record<RequestClass, Gate>>,
): (what: RequestClass, error: ShedError, bindings: Bindings) => Promise<void> {
  const shed = new Counter({
    name: 'cronmesh_requests_shed_total',
    help: 'Requests refused since there was too much to do, by class and by what was too much',
    labelNames: ['class', 'why'],
    registers: [registry],
  });
  new Gauge({
    name: 'cronmesh_requests_active',
    help: 'Requests under way, by class; streams as long as they are open',
    labelNames: ['class'],
    registers: [registry],
    collect() {
      for (const what of requestClasses) this.set({ class: what }, gates[what].active);
    },
  });
  let unsaid = 0;
  let said = Number.NEGATIVE_INFINITY;
  let refusing = 0;
  return async (what, error, { incoming, outgoing }) => {
    shed.inc({ class: what, why: error.why });
    unsaid++;
    if (performance.now() - said >= sayEvery) {
      logger.warn({ class: what, why: error.why, refused: unsaid }, 'requests are refused: there are too many');
      said = performance.now();
      unsaid = 0;
    }
    if (refusing < mostRefusing) {
      refusing++;
      await delay(refuseAfter);
      refusing--;
    }
    if (outgoing.closed) return;
    const { status, headers, body } = problemOf(error, randomUUID());
    // A body that nobody will read may be long in coming: the connection ends with the answer.
    const hasBody =
      incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined;
    outgoing.writeHead(status, { ...headers, ...(hasBody && { Connection: 'close' }) });
    outgoing.end(body);
  };
}
