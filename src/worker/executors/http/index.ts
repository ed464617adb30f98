import { STATUS_CODES } from 'node:http';
import type { Dispatcher } from 'undici';
import type { CallbackAnswer, CallbackProgress } from '../../../coordination/records.ts';
import { matchesStatus } from '../../../domain/http-status.ts';
import type { HttpExecutorSpec } from '../../../domain/job/spec.ts';
import type { Milliseconds } from '../../../domain/time.ts';
import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import { endedResult, formatDuration } from '../ending.ts';
import type { EndReason, Execution, ExecutionHooks, Executor } from '../executor.ts';
import { OutputPipe } from '../output/pipe.ts';
import { AnswerBody } from './answer-body.ts';
import { Callback } from './callback.ts';
import { type Connections, createConnections } from './connections.ts';
import { callbackHeader, firstHop, type Hop, nextHop, redirectTarget } from './request.ts';

export interface HttpExecutorOptions {
  /** Whether requests may go to addresses that are not on the public internet. */
  readonly allowPrivateAddresses: boolean;
}

/**
 * Makes HTTP requests. The outcome is that of the last answer, and the run ends with its body; where the server may answer
 * later and says so by 202, it ends with the callback.
 */
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
  readonly #callback: Callback;
  #reason: EndReason | undefined;
  #status: number | undefined;

  constructor(request: StartRequest, hooks: ExecutionHooks, connections: Connections) {
    this.#request = request;
    this.#hooks = hooks;
    this.#connections = connections;
    this.#callback = new Callback(this.#abort.signal);
    this.result = this.#run();
  }

  /** A request has nobody to ask for an orderly end: it is cut off at once. */
  end(reason: EndReason, _grace: Milliseconds): void {
    this.#reason ??= reason;
    this.#abort.abort();
  }

  /** Each may come before the answer 202 does. */
  answer(answer: CallbackAnswer | CallbackProgress): void {
    if ('progress' in answer) this.#callback.progress(answer, this.#hooks);
    else this.#callback.take(answer);
  }

  async #run(): Promise<AttemptResult> {
    const spec = this.#request.executor.http;
    if (!spec) return { outcome: 'Failed', message: 'the job has no http executor' };
    // Refused when they are asked for; the job may have become one of http since.
    if (this.#request.particulars?.arguments !== undefined) {
      return { outcome: 'Failed', message: 'not requested: the run has arguments, and the job is of http now' };
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
    const { env, particulars, secrets, callbackUrl } = this.#request;
    let hop = firstHop(spec, env, secrets, { callbackUrl, asked: particulars?.env ?? {} });
    this.#connections.check(hop.url);
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#exchange(hop, redirects === 0);
      const location = answer.headers.location;
      const target = redirectTarget(hop.url, answer.statusCode, Array.isArray(location) ? location[0] : location);
      if (!target || spec.maxRedirects === 0) return await this.#conclude(spec, answer, hop);
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
  async #conclude(spec: HttpExecutorSpec, answer: Dispatcher.ResponseData, hop: Hop): Promise<AttemptResult> {
    const pipe = new OutputPipe({ stream: 'stdout', what: 'body', limit: spec.outputLimitBytes, hooks: this.#hooks });
    const body = spec.expectedBody && new AnswerBody();
    for await (const bytes of answer.body) {
      body?.take(bytes as Buffer);
      await pipe.take(bytes as Buffer);
    }
    await pipe.end();
    const httpStatus = answer.statusCode;
    // Who was redirected away from the job's own server was not told where to answer.
    if (spec.asynchronous && httpStatus === 202 && hop.headers[callbackHeader] !== undefined) {
      return { httpStatus, ...(await this.#callback.wait(spec.asynchronous.timeoutSeconds, this.#hooks)) };
    }
    const problem = await this.#problem(spec, httpStatus, body);
    if (problem === undefined) return { outcome: 'Succeeded', httpStatus };
    return { outcome: 'Failed', httpStatus, message: `the server answered ${nameOf(httpStatus)}${problem}` };
  }

  async #problem(spec: HttpExecutorSpec, status: number, body: AnswerBody | undefined): Promise<string | undefined> {
    if (!matchesStatus(status, spec.expectedStatus)) return `, expected was ${spec.expectedStatus.join(', ')}`;
    const problem = spec.expectedBody && (await body?.problem(spec.expectedBody, this.#abort.signal));
    this.#abort.signal.throwIfAborted();
    return problem === undefined ? undefined : `, but ${problem}`;
  }
}

const nameOf = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();

/** The reason below the library's own wrapping; with several addresses tried, the first one's. */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
