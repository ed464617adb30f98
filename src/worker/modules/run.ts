import { inspect } from 'node:util';
import { formatPath } from '../../domain/job/path.ts';
import { preview } from '../../domain/job/preview.ts';
import type { RunContext } from '../../jobs/context.ts';
import type { AnySchema, Definition } from '../../jobs/definition.ts';
import { definitionsIn } from './list.ts';
import type { HostMessage, RunRequest } from './protocol.ts';

const longestMessage = 2_000;
/** Of an input's problems, so many are named. */
const mostProblems = 5;
/** A run may tell its progress in a tight loop. */
const tellEvery = 200;

/** An input that the schema refuses: there is no stack to show. */
class WrongInputError extends Error {
  override readonly name = 'WrongInputError';
}

/** Runs what a request names. @returns what it says about itself @throws whatever the run throws */
export async function runDefinition(request: RunRequest, signal: AbortSignal): Promise<string | undefined> {
  const { kind, name, source } = request;
  const exports = (await import(source)) as Record<string, unknown>;
  const definition = definitionsIn(exports).find(one => one.kind === kind && one.name === name);
  if (!definition) throw new WrongInputError(`not started: ${source} defines no ${kind} ${name} any more`);
  const value = await checked(definition, request.value);
  const progress = new Progress();
  const context = { ...contextOf(request, signal, progress), [kind === 'job' ? 'input' : 'config']: value };
  const result = await (definition.run as (context: object) => unknown)(context);
  progress.flush();
  return messageOf(result);
}

/** The end of a run that threw: the error's message for its record, all of it in its output. */
export function failureOf(error: unknown, before: string): HostMessage {
  if (error instanceof WrongInputError) return { type: 'failed', message: error.message };
  process.stderr.write(`${inspect(error)}\n`);
  const text =
    error instanceof Error ? error.message || error.name : typeof error === 'string' ? error : inspect(error);
  return { type: 'failed', message: `${before}${text}`.slice(0, longestMessage) };
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

type Parsed =
  | { readonly success: true; readonly data: unknown }
  | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } };

async function checked({ kind, name, schema }: Definition, value: unknown): Promise<unknown> {
  if (schema === undefined) return value;
  const parser = schema as AnySchema & { safeParseAsync?: (value: unknown) => Promise<Parsed> };
  if (!parser.safeParseAsync) throw new WrongInputError(`not started: the schema of ${kind} ${name} is none of zod`);
  const parsed = await parser.safeParseAsync(value);
  if (parsed.success) return parsed.data;
  const root = kind === 'job' ? 'input' : 'with';
  const problems = parsed.error.issues.slice(0, mostProblems).map(({ path, message }) => {
    const given = path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], value);
    return `${formatPath([root, ...path])}: ${message} (got ${given === undefined ? 'nothing' : preview(given)})`;
  });
  throw new WrongInputError(`not started: ${problems.join('; ')}`);
}

function contextOf(request: RunRequest, signal: AbortSignal, progress: Progress): RunContext {
  const { job, run, attempt, tick, shard, fencingToken } = request;
  return {
    job,
    run,
    attempt,
    ...(tick !== undefined && { tick: new Date(tick) }),
    ...(shard !== undefined && { shard }),
    arguments: request.arguments,
    env: { ...process.env },
    fencingToken,
    signal,
    progress: (percent, message) => progress.say(percent, message),
    log: {
      info: text => void process.stdout.write(`${text}\n`),
      warn: text => void process.stderr.write(`${text}\n`),
      error: text => void process.stderr.write(`${text}\n`),
    },
  };
}

function messageOf(result: unknown): string | undefined {
  const message = typeof result === 'object' && result !== null && 'message' in result ? result.message : result;
  return typeof message === 'string' && message !== '' ? message.slice(0, longestMessage) : undefined;
}

/** The newest word of a run on its progress, on its way to the supervisor. */
class Progress {
  #last = Number.NEGATIVE_INFINITY;
  #next: HostMessage | undefined;
  #timer: NodeJS.Timeout | undefined;

  say(percent: number, message?: string): void {
    if (typeof percent !== 'number' || Number.isNaN(percent)) {
      throw new TypeError(
        `progress(percent, message): percent must be a number from 0 to 100, got ${inspect(percent)}`,
      );
    }
    this.#next = { type: 'progress', percent, ...(message !== undefined && { message: String(message) }) };
    if (performance.now() - this.#last >= tellEvery) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), tellEvery).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#next === undefined) return;
    this.#last = performance.now();
    process.send?.(this.#next);
    this.#next = undefined;
  }
}
