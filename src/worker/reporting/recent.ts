import type { Report } from '../../domain/run/report.ts';

/**
 * The newest reports, kept in memory so that a reader that keeps up never reads the disk. Bounded by their bytes on
 * disk: with more, the oldest are forgotten here.
 */
export class RecentReports {
  /** By sequence, in order and without holes. */
  readonly #kept = new Map<number, { readonly report: Report; readonly bytes: number }>();
  readonly #limit: number;
  #bytes = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(sequence: number, report: Report, bytes: number): void {
    this.#kept.set(sequence, { report, bytes });
    this.#bytes += bytes;
    if (this.#bytes > this.#limit) this.#forget(() => this.#bytes > this.#limit);
  }

  forgetUpTo(sequence: number): void {
    this.#forget(oldest => oldest <= sequence);
  }

  /** Reports from `first` on, at most `limit` and (beyond the first) at most `bytes`; none when `first` is not kept. */
  from(first: number, limit: number, bytes: number): Report[] {
    const reports: Report[] = [];
    let total = 0;
    while (reports.length < limit) {
      const kept = this.#kept.get(first + reports.length);
      if (!kept) break;
      total += kept.bytes;
      if (total > bytes && reports.length > 0) break;
      reports.push(kept.report);
    }
    return reports;
  }

  #forget(when: (oldest: number) => boolean): void {
    for (const [sequence, { bytes }] of this.#kept) {
      if (!when(sequence)) return;
      this.#kept.delete(sequence);
      this.#bytes -= bytes;
    }
  }
}
