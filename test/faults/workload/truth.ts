import { appendFileSync, closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import type { Start } from '../history/history.ts';
import { truthFile } from './manifest.ts';

/** One line of the file of truths, as the jobs and the receiver append them. `at`: epoch nanoseconds. */
export type Line = { readonly run: string; readonly attempt: number; readonly at: string } & (
  | {
      readonly event: 'start';
      readonly job: string;
      readonly tick: string;
      readonly token: string;
      readonly worker: string;
      readonly overlapped: 0 | 1;
      readonly exit: number;
      readonly lines: number;
      readonly text: string;
      readonly kind?: 'http';
    }
  /** All its lines but the last are printed. */
  | { readonly event: 'printed' }
  | { readonly event: 'end' | 'gone' }
);

/** What a run has printed when it comes to its end. */
export function printedLines(run: string, attempt: number, lines: number, text: string): string[] {
  return Array.from({ length: lines }, (_, index) => `line ${index + 1} of ${run} attempt ${attempt} ${text}`);
}

const milliseconds = (at: string): number => Number(BigInt(at) / 1000n) / 1000;

/** The file of truths, read as it grows. */
export class Truth {
  readonly #file: string;
  readonly #handle: number;
  readonly #starts = new Map<string, { start: Start; lines: number; text: string }[]>();
  readonly #order: Start[] = [];
  #position = 0;
  #rest = '';

  constructor(folder: string) {
    this.#file = truthFile(folder);
    writeFileSync(this.#file, '', { flag: 'a' });
    this.#handle = openSync(this.#file, 'r');
  }

  /** In the order in which they were told. */
  get starts(): readonly Start[] {
    return this.#order;
  }

  /** The attempts that have neither ended nor are known to be gone. */
  open(): Start[] {
    return this.#order.filter(one => one.end === undefined && one.gone === undefined);
  }

  tell(line: Line): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  /** @returns what began since it was read last */
  read(): readonly Start[] {
    const before = this.#order.length;
    const buffer = Buffer.alloc(1 << 16);
    for (;;) {
      const count = readSync(this.#handle, buffer, 0, buffer.length, this.#position);
      if (count === 0) break;
      this.#position += count;
      const lines = (this.#rest + buffer.toString('latin1', 0, count)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#take(JSON.parse(line) as Line);
    }
    return this.#order.slice(before);
  }

  /** All processes of an attempt were seen to be gone. One that came to its end was not ended from outside. */
  gone(run: string, attempt: number, at: number): void {
    this.#newest(run, attempt, start => (start.end === undefined ? { ...start, gone: at } : start));
  }

  close(): void {
    closeSync(this.#handle);
  }

  #take(line: Line): void {
    const at = milliseconds(line.at);
    switch (line.event) {
      case 'start':
        this.#begin(line, at);
        break;
      case 'printed':
        this.#print(line.run, line.attempt, lines => lines - 1);
        break;
      case 'end':
        this.#print(line.run, line.attempt, lines => lines);
        this.#newest(line.run, line.attempt, start => ({ ...start, end: at }));
        break;
      case 'gone':
        this.gone(line.run, line.attempt, at);
        break;
    }
  }

  #begin(line: Extract<Line, { event: 'start' }>, at: number): void {
    const { run, attempt, job, tick, token, worker, overlapped, exit, lines, text, kind = 'shell' } = line;
    const [namespace = '', name = ''] = job.split('/');
    const start: Start = {
      namespace,
      name,
      kind,
      run,
      attempt,
      ...(tick !== '' && { tick: Date.parse(tick) }),
      worker,
      token,
      at,
      ...(overlapped === 1 && { overlapped: true }),
      printed: [],
      exit,
    };
    const key = `${run}.${attempt}`;
    this.#starts.set(key, [...(this.#starts.get(key) ?? []), { start, lines, text }]);
    this.#order.push(start);
  }

  #print(run: string, attempt: number, count: (lines: number) => number): void {
    const { lines = 0, text = '' } = this.#starts.get(`${run}.${attempt}`)?.at(-1) ?? {};
    const printed = printedLines(run, attempt, lines, text).slice(0, count(lines));
    this.#newest(run, attempt, start => ({ ...start, printed }));
  }

  #newest(run: string, attempt: number, change: (start: Start) => Start): void {
    const entry = this.#starts.get(`${run}.${attempt}`)?.at(-1);
    if (entry === undefined) return;
    const index = this.#order.lastIndexOf(entry.start);
    entry.start = change(entry.start);
    this.#order[index] = entry.start;
  }
}
