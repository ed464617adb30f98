/** Labels of a stream: few, and of few values. */
export type LokiLabels = Readonly<Record<string, string>>;

/** A line on its way to Loki. */
export interface LokiEntry {
  readonly labels: LokiLabels;
  /** Nanoseconds since 1970. Loki takes two entries for one where stream, instant, line and metadata are the same. */
  readonly at: bigint;
  readonly line: string;
  /** Structured metadata: what is no label, and can be asked for with `| run="…"`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes that an entry takes in a request, about. */
export const entryBytes = ({ line, metadata }: LokiEntry): number =>
  line.length + 40 + Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length + 6, 0);

/** Every stream of the product has it. */
export const app = 'cronmesh';

const halfHour = 1_800_000;

/**
 * The label `slot`: which half hour of a day (UTC) an instant lies in, `00` to `47`. Loki refuses what lies more than an
 * hour behind the newest entry of its stream; so each half hour has a stream of its own, and what comes late (Loki was
 * away, a run took hours) is taken for 23 hours, in whatever order.
 *
 * @example slotOf(Date.UTC(2026, 0, 1, 13, 45)) // '27'
 */
export function slotOf(at: number): string {
  return String(Math.floor((at % 86_400_000) / halfHour)).padStart(2, '0');
}

/** What Loki takes: streams, each with its entries in order. */
export function pushBody(entries: readonly LokiEntry[]): string {
  const streams = new Map<string, { stream: LokiLabels; values: unknown[] }>();
  for (const { labels, at, line, metadata } of entries) {
    const key = JSON.stringify(labels);
    const stream = streams.get(key) ?? { stream: labels, values: [] };
    streams.set(key, stream);
    stream.values.push([String(at), line, metadata]);
  }
  return JSON.stringify({ streams: [...streams.values()] });
}
