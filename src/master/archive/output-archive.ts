import { CronmeshError } from '../../domain/errors.ts';
import type { Milliseconds } from '../../domain/time.ts';
import { type FoundEntry, type LokiClient, LokiError } from '../../observability/loki/client.ts';
import { app, type LokiEntry } from '../../observability/loki/entry.ts';
import { attemptStep, lineId } from '../../store/line-id.ts';
import type { LogLine, OutputSpan, Run } from '../../store/store.ts';

/** Loki's own bound is 5,000. */
const page = 2_000;
/** Whoever reads waits no longer for a page. */
const patience: Milliseconds = 5_000;

/** The output of runs in Loki. */
export class OutputArchive {
  readonly #client: Pick<LokiClient, 'push' | 'query'>;

  constructor(client: Pick<LokiClient, 'push' | 'query'>) {
    this.#client = client;
  }

  /**
   * Resolves once Loki has them. Gives why it refused some of them for good, such as their age.
   *
   * @throws CronmeshError Unavailable
   */
  async write(entries: readonly LokiEntry[], signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.#client.push(entries, signal);
      return undefined;
    } catch (error) {
      if (error instanceof LokiError && !error.retry) return error.message;
      throw new CronmeshError('Unavailable', `Loki takes no output: ${(error as Error).message}`, { retryable: true });
    }
  }

  /**
   * A run's output, page by page, as the database had it.
   *
   * @param options `after`: only lines with a larger id; `attempt`: only this one
   * @throws CronmeshError Unavailable when Loki does not answer within 5 s
   */
  async *read(
    run: Pick<Run, 'id' | 'namespace' | 'attempt'>,
    span: OutputSpan,
    options: { readonly after?: number; readonly attempt?: number } = {},
  ): AsyncGenerator<readonly LogLine[]> {
    const { after = 0, attempt: only } = options;
    const [first, last] =
      only === undefined ? [Math.max(1, Math.floor(after / attemptStep)), run.attempt] : [only, only];
    for (let attempt = first; attempt <= last; attempt++) {
      for await (const lines of this.#attempt(run, attempt, span)) {
        const wanted = lines.filter(line => line.id > after);
        if (wanted.length > 0) yield wanted;
      }
    }
  }

  async *#attempt(
    run: Pick<Run, 'id' | 'namespace'>,
    attempt: number,
    span: OutputSpan,
  ): AsyncGenerator<readonly LogLine[]> {
    const query = `{app="${app}", kind="output", namespace="${run.namespace}"} | run="${run.id}" | attempt="${attempt}"`;
    const to = BigInt(span.lastAt + 1_000) * 1_000_000n;
    let from = BigInt(span.firstAt) * 1_000_000n;
    // The last line of a page may go on in the next.
    let open: LogLine | undefined;
    for (;;) {
      const found = await this.#ask(run, query, { from, to });
      const lines = open === undefined ? [] : [open];
      for (const [i, entry] of found.entries()) {
        // What was sent twice has the same instant.
        if (entry.at === found[i - 1]?.at) continue;
        add(lines, entry, attempt);
      }
      if (found.length < page) {
        if (lines.length > 0) yield lines;
        return;
      }
      open = lines.pop();
      if (lines.length > 0) yield lines;
      from = (found.at(-1)?.at ?? from) + 1n;
    }
  }

  async #ask(
    run: Pick<Run, 'id'>,
    query: string,
    range: { readonly from: bigint; readonly to: bigint },
  ): Promise<readonly FoundEntry[]> {
    try {
      return await this.#client.query(query, { ...range, limit: page, patience });
    } catch (error) {
      const message = `the output of ${run.id} is in Loki alone, which does not give it: ${(error as Error).message}`;
      throw new CronmeshError('Unavailable', message, { retryable: true });
    }
  }
}

/** Puts the lines of one report together again. */
function add(lines: LogLine[], { at, line, labels }: FoundEntry, attempt: number): void {
  const sequence = Number(labels.sequence);
  const text = labels.cut === 'true' ? line : `${line}\n`;
  const before = lines.at(-1);
  if (before?.sequence === sequence) {
    lines[lines.length - 1] = { ...before, text: before.text + text };
    return;
  }
  const stream = labels.stream as LogLine['stream'];
  lines.push({ id: lineId(attempt, sequence), attempt, sequence, stream, at: Number(at / 1_000_000n), text });
}
