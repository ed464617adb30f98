import { STATUS_CODES } from 'node:http';
import type { Dispatcher } from 'undici';
import { matchesStatus } from '../../../domain/http-status.ts';
import type { HttpExecutorSpec } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult, formatDuration } from '../ending.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { droppedNote, LimitedText } from '../text.ts';
import { type Connections, createConnections } from './connections.ts';
import { firstHop, type Hop, nextHop, redirectTarget } from './request.ts';

export interface HttpExecutorOptions {
  /** Whether requests may go to addresses that are not on the public internet. */
  readonly allowPrivateAddresses: boolean;
}

/** Makes HTTP requests. The outcome is the status of the last answer; the run ends with its body. */
export function createHttpExecutor(options: HttpExecutorOptions): Executor {
  const connections = createConnections(options);
  return { execute: (request, hooks) => new HttpExecution(request, hooks, connections) };
}

class HttpExecution implements Execution {
  readonly result: Promise<AttemptResult>;
  readonly #request: StartRequest;
  readonly #hooks: ExecutionHooks;
  readonly #connections: Connections;
  readonly #abort = new AbortController();
  #reason: EndReason | undefined;
  #status: number | undefined;

  constructor(request: StartRequest, hooks: ExecutionHooks, connections: Connections) {
    this.#request = request;
    this.#hooks = hooks;
    this.#connections = connections;
    this.result = this.#run();
  }

  /** A request has nobody to ask for an orderly end: it is cut off at once. */
  end(reason: EndReason, _grace: Milliseconds): void {
    this.#reason ??= reason;
    this.#abort.abort();
  }

  async #run(): Promise<AttemptResult> {
    const spec = this.#request.executor.http;
    if (!spec) return { outcome: 'Failed', message: 'the job has no http executor' };
    // Refused when they are asked for; the job may have become one of http since.
    if (this.#request.arguments !== undefined || this.#request.ownEnv !== undefined) {
      return { outcome: 'Failed', message: 'not requested: the run has arguments or env, and the job is of http now' };
    }
    try {
      return await this.#follow(spec);
    } catch (error) {
      const status = this.#status === undefined ? {} : { httpStatus: this.#status };
      if (this.#reason) return { ...status, ...endedResult(this.#reason, this.#request.timeout) };
      return { ...status, outcome: 'Failed', message: `the request failed: ${describe(error)}` };
    } finally {
      // An answer that was not read to its end would keep its connection.
      this.#abort.abort();
    }
  }

  async #follow(spec: HttpExecutorSpec): Promise<AttemptResult> {
    let hop = firstHop(spec, this.#request.env, this.#request.secrets);
    this.#connections.check(hop.url);
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#exchange(hop, redirects === 0);
      const location = answer.headers.location;
      const target = redirectTarget(hop.url, answer.statusCode, Array.isArray(location) ? location[0] : location);
      if (!target || spec.maxRedirects === 0) return await this.#conclude(spec, answer);
      await answer.body.dump();
      if (redirects === spec.maxRedirects) throw new Error(`more redirects than maxRedirects: ${spec.maxRedirects}`);
      this.#connections.check(target);
      hop = nextHop(hop, answer.statusCode, target);
    }
  }

  async #exchange(hop: Hop, first: boolean): Promise<Dispatcher.ResponseData> {
    const began = performance.now();
    const { request, agent } = await this.#connections.open();
    this.#abort.signal.throwIfAborted();
    if (first) this.#hooks.started();
    const answer = await request(hop.url, {
      dispatcher: agent,
      method: hop.method,
      headers: { ...hop.headers },
      signal: this.#abort.signal,
      // The attempt's own timeout rules.
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(hop.body !== undefined && { body: hop.body }),
    });
    this.#status = answer.statusCode;
    const took = formatDuration(performance.now() - began);
    this.#hooks.output('system', `${hop.method} ${hop.url.href} → ${nameOf(answer.statusCode)} (${took})\n`);
    return answer;
  }

  /** Reads the body to its end, though only a part is kept: the server may still be at work. */
  async #conclude(spec: HttpExecutorSpec, answer: Dispatcher.ResponseData): Promise<AttemptResult> {
    const text = new LimitedText(spec.outputLimitBytes);
    for await (const bytes of answer.body) await this.#pass(text.take(bytes as Buffer));
    await this.#pass(text.end());
    const note = droppedNote('body', text.dropped, spec.outputLimitBytes);
    if (note !== undefined) this.#hooks.output('system', note);
    const httpStatus = answer.statusCode;
    if (matchesStatus(httpStatus, spec.expectedStatus)) return { outcome: 'Succeeded', httpStatus };
    const expected = spec.expectedStatus.join(', ');
    return {
      outcome: 'Failed',
      httpStatus,
      message: `the server answered ${nameOf(httpStatus)}, expected was ${expected}`,
    };
  }

  async #pass(text: string): Promise<void> {
    if (text !== '') await this.#hooks.output('stdout', text);
  }
}

const nameOf = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();

/** The reason below the library's own wrapping; with several addresses tried, the first one's. */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
