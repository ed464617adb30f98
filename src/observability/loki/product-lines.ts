import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { app, type LokiEntry, slotOf } from './entry.ts';

/** Fields of the log's lines that become structured metadata. See docs/logs.md. */
const asMetadata = ['component', 'level', 'run', 'job', 'attempt', 'traceId', 'worker'] as const;

/** Makes entries of a process's own log lines, each instant later than the one before: Loki keeps them apart and in order. */
export class ProductLines {
  readonly #program: string;
  readonly #instance = `${hostname()}-${process.pid}`;
  /** Two processes that say the same in the same millisecond differ by it. */
  readonly #salt = BigInt(randomInt(500_000));
  #last = 0n;

  constructor(program: string) {
    this.#program = program;
  }

  /** @param line as pino writes it; its end goes. */
  entry(line: string): LokiEntry {
    const text = line.trimEnd();
    const fields = fieldsOf(text);
    const time = Date.parse(String(fields.time));
    const own = BigInt(Number.isNaN(time) ? Date.now() : time) * 1_000_000n + this.#salt;
    this.#last = own > this.#last ? own : this.#last + 1n;
    const metadata: Record<string, string> = { instance: this.#instance };
    for (const name of asMetadata) if (fields[name] !== undefined) metadata[name] = String(fields[name]);
    const slot = slotOf(Number(this.#last / 1_000_000n));
    return { labels: { app, kind: 'log', program: this.#program, slot }, at: this.#last, line: text, metadata };
  }
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
