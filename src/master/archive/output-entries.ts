import type { RunId } from '../../domain/run/run.ts';
import { app, type LokiEntry, slotOf } from '../../observability/loki/entry.ts';
import { traceIdOf } from '../../observability/trace-context.ts';
import type { LogLine } from '../../store/store.ts';

/** Loki takes lines of 256 KiB by default; a character is 4 bytes at most. */
const longest = 32_768;

/** What a run printed, as entries for Loki: one for each line. */
export class OutputEntries {
  readonly #run: { readonly run: RunId; readonly namespace: string; readonly name: string };
  #attempt = 0;
  #last = 0n;

  constructor(run: { readonly run: RunId; readonly namespace: string; readonly name: string }) {
    this.#run = run;
  }

  /**
   * The entries of the next lines of the database; they come from the first of the run on, in order. The same lines give
   * the same entries, so that what is sent twice is there once. Instants grow within an attempt: they are its order.
   */
  of(lines: readonly LogLine[]): LokiEntry[] {
    return lines.flatMap(line => pieces(line.text).map(text => this.#entry(line, text)));
  }

  #entry({ attempt, sequence, stream, at }: LogLine, text: string): LokiEntry {
    if (attempt !== this.#attempt) this.#last = 0n;
    this.#attempt = attempt;
    const own = BigInt(at) * 1_000_000n;
    this.#last = own > this.#last ? own : this.#last + 1n;
    const { run, namespace, name } = this.#run;
    const whole = text.endsWith('\n');
    return {
      labels: { app, kind: 'output', namespace, slot: slotOf(Number(this.#last / 1_000_000n)) },
      at: this.#last,
      line: whole ? text.slice(0, -1) : text,
      metadata: {
        run,
        job: `${namespace}/${name}`,
        attempt: String(attempt),
        sequence: String(sequence),
        stream,
        traceId: traceIdOf(run),
        // The line goes on in the next entry, or ends the output.
        ...(!whole && { cut: 'true' }),
      },
    };
  }
}

/** Lines with their ends, none longer than Loki takes. */
function pieces(text: string): string[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).flatMap(line => (line.length <= longest ? [line] : parts(line)));
}

function parts(line: string): string[] {
  const all: string[] = [];
  for (let from = 0; from < line.length; ) {
    let to = Math.min(from + longest, line.length);
    // Not between the halves of a character.
    if (to < line.length && /[\uDC00-\uDFFF]/.test(line[to] ?? '')) to--;
    all.push(line.slice(from, to));
    from = to;
  }
  return all;
}
