import type { Instant, Milliseconds } from '../../domain/time.ts';
import { entryBytes, type LokiEntry } from '../../observability/loki/entry.ts';
import type { ArchiveHold, AwaitingArchive } from '../../store/store.ts';
import type { OutputArchive } from '../archive/output-archive.ts';
import { OutputEntries } from '../archive/output-entries.ts';
import type { Office } from './office.ts';

/** Runs that are looked up at once. */
const runsAtOnce = 100;
/** Lines that are read at once: some of them are large. */
const linesAtOnce = 200;
/** A request of about this much, in bytes. */
const batchBytes = 512 * 1024;
/** What waits for the archive is kept for so long after its end: Loki takes nothing that is older (its default). */
const heldFor: Milliseconds = 7 * 86_400_000;
/** Loki looks for lines older than 3 h on disk alone, where they come once their chunk was idle for half an hour. */
const shownAfter: Milliseconds = 3_600_000;

/** What retention must keep for the archive's sake. */
export const archiveHold = (now: Instant): ArchiveHold => ({
  endedSince: now - heldFor,
  archivedSince: now - shownAfter,
});

/**
 * Sends the output of ended runs to the archive, the oldest first, until none waits. The database is the record: a run is
 * noted once Loki has all of it, and sent again from its first line where that was not seen. What Loki refuses for good
 * is counted and given up.
 */
export async function archiveOutput(office: Office, archive: OutputArchive): Promise<void> {
  for (let more = true; more && !office.signal.aborted; ) {
    const waiting = await office.store.awaitingArchive(runsAtOnce);
    const oldest = Math.min(...waiting.map(({ finishedAt }) => finishedAt));
    office.metrics.archiveLag.set(waiting.length === 0 ? 0 : Math.max(0, office.clock() - oldest) / 1_000);
    const batch = new Batch(office, archive);
    for (const run of waiting) await addRun(office, batch, run);
    await batch.flush();
    more = waiting.length === runsAtOnce;
  }
}

async function addRun({ store, signal }: Office, batch: Batch, run: AwaitingArchive): Promise<void> {
  const entries = new OutputEntries(run);
  for (let after = 0; ; ) {
    const lines = await store.runLogs(run.run, { after, limit: linesAtOnce });
    await batch.add(entries.of(lines));
    signal.throwIfAborted();
    if (lines.length < linesAtOnce) return batch.end(run);
    after = lines.at(-1)?.id ?? after;
  }
}

/** One request's worth: of a large run a part, of small ones many. */
class Batch {
  readonly #office: Office;
  readonly #archive: OutputArchive;
  #entries: LokiEntry[] = [];
  #bytes = 0;
  #ended: AwaitingArchive[] = [];

  constructor(office: Office, archive: OutputArchive) {
    this.#office = office;
    this.#archive = archive;
  }

  async add(entries: readonly LokiEntry[]): Promise<void> {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entryBytes(entry);
      if (this.#bytes >= batchBytes) await this.flush();
    }
  }

  /** All lines of a run were added. */
  end(run: AwaitingArchive): void {
    this.#ended.push(run);
  }

  async flush(): Promise<void> {
    const { store, term, signal, metrics, logger, clock } = this.#office;
    if (this.#entries.length > 0) {
      const refused = await this.#archive.write(this.#entries, signal);
      metrics.archivePushes.inc({ result: refused === undefined ? 'accepted' : 'refused' });
      if (refused !== undefined) logger.error({ reason: refused }, 'Loki refused output: it is not archived');
    }
    if (this.#ended.length > 0) await store.noteArchived(term, this.#ended, clock());
    metrics.archivedRuns.inc(this.#ended.length);
    this.#entries = [];
    this.#bytes = 0;
    this.#ended = [];
  }
}
