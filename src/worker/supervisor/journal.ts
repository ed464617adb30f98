import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Instant } from '../../domain/time.ts';
import { readProcess } from '../executors/shell/processes.ts';
import { type AttemptId, attemptKey } from './attempt.ts';
import type { StartRequest } from './protocol.ts';

/** What a supervisor knows of an attempt that it has spawned, or was about to. */
export interface JournalEntry extends AttemptId {
  readonly lockKey: string;
  readonly at: Instant;
  /** Absent while it runs. */
  readonly endedAt?: Instant;
}

/** The lines of a journal's file. The first is the header. */
export type JournalLine =
  | {
      readonly type: 'supervisor';
      readonly pid: number;
      /** With the pid, tells this supervisor from a later process; empty where /proc is missing. */
      readonly startTime: string;
      /** Attempts that ended at or before it may be missing. */
      readonly forgottenUntil?: Instant;
    }
  | ({ readonly type: 'spawned' } & Omit<JournalEntry, 'endedAt'>)
  | ({ readonly type: 'ended'; readonly at: Instant } & AttemptId);

/** Attempts written to one file before the next is begun: two files of about 4 MB at most. */
const attemptsPerFile = 20_000;

/**
 * Says what has been spawned, for good: a line is written before each spawn and after each end, to a file of the
 * supervisor's own. It must outlive the process, not the machine, so nothing is synced. The newest 20,000 attempts at
 * least are kept, and all that run; `forgottenUntil` says how far back ended ones may be missing.
 */
export class Journal {
  readonly #directory: string;
  readonly #stem: string;
  readonly #perFile: number;
  #file: number;
  #paths: string[] = [];
  #generation = 0;
  #torn = false;
  #previous = new Map<string, JournalEntry>();
  #current = new Map<string, JournalEntry>();
  #forgottenUntil: Instant | undefined;

  /** @throws when the directory cannot be written */
  constructor(directory: string, perFile = attemptsPerFile) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.#stem = `supervisor-${process.pid}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 6)}`;
    this.#perFile = perFile;
    this.#file = this.#open();
  }

  /** To be called before the spawn. @throws when it could not be written: then nothing may be spawned */
  spawned(request: Pick<StartRequest, 'run' | 'attempt' | 'lockKey'>): void {
    if (this.#current.size >= this.#perFile) this.#rotate();
    const entry = { run: request.run, attempt: request.attempt, lockKey: request.lockKey, at: Date.now() };
    this.#write({ type: 'spawned', ...entry });
    this.#current.set(attemptKey(entry), entry);
  }

  /** A line that cannot be written is left out: a reader then takes the attempt for running, and looks for its processes. */
  ended(id: AttemptId): void {
    const key = attemptKey(id);
    const at = Date.now();
    const generation = this.#current.has(key) ? this.#current : this.#previous;
    const entry = generation.get(key);
    if (!entry) return;
    generation.set(key, { ...entry, endedAt: at });
    try {
      this.#write({ type: 'ended', run: id.run, attempt: id.attempt, at });
    } catch {}
  }

  entry(id: AttemptId): JournalEntry | undefined {
    const key = attemptKey(id);
    return this.#current.get(key) ?? this.#previous.get(key);
  }

  /** Attempts that ended at or before it may have been forgotten; undefined when none was. */
  get forgottenUntil(): Instant | undefined {
    return this.#forgottenUntil;
  }

  /** Lets go of the file, and with `remove` of what it says: when nobody needs to know any more. */
  close(options: { readonly remove: boolean }): void {
    closeSync(this.#file);
    if (options.remove) for (const path of this.#paths) rmSync(path, { force: true });
  }

  #rotate(): void {
    const dropped = [...this.#previous.values()];
    for (const { endedAt } of dropped) {
      if (endedAt !== undefined) this.#forgottenUntil = Math.max(this.#forgottenUntil ?? 0, endedAt);
    }
    this.#previous = this.#current;
    this.#current = new Map();
    closeSync(this.#file);
    this.#file = this.#open();
    for (const entry of dropped) {
      if (entry.endedAt !== undefined) continue;
      this.#write({ type: 'spawned', ...entry });
      this.#current.set(attemptKey(entry), entry);
    }
    while (this.#paths.length > 2) rmSync(this.#paths.shift() ?? '', { force: true });
  }

  #open(): number {
    const path = join(this.#directory, `${this.#stem}.${this.#generation++}.jsonl`);
    this.#file = openSync(path, 'a', 0o600);
    this.#paths.push(path);
    this.#write({
      type: 'supervisor',
      pid: process.pid,
      startTime: readProcess(process.pid)?.startTime ?? '',
      ...(this.#forgottenUntil !== undefined && { forgottenUntil: this.#forgottenUntil }),
    });
    return this.#file;
  }

  #write(line: JournalLine): void {
    const bytes = Buffer.from(`${this.#torn ? '\n' : ''}${JSON.stringify(line)}\n`);
    // A full disk takes a part of a line: readers pass over it, and the next one begins anew.
    this.#torn = true;
    if (writeSync(this.#file, bytes) < bytes.length) throw new Error('the journal has no room (disk full)');
    this.#torn = false;
  }
}
