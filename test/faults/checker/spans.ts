/** A stretch of time, both ends included, in epoch milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** In order, with those that touch made one. */
export function merged(spans: readonly Span[]): Span[] {
  const out: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else out.push({ from, to });
  }
  return out;
}

/** Whether any of them has a moment in [from, to]. */
export function touches(spans: readonly Span[], from: number, to: number): boolean {
  return spans.some(span => span.from <= to && span.to >= from);
}

/** Whether one of them has all of [from, to]. */
export function covers(spans: readonly Span[], from: number, to: number): boolean {
  return spans.some(span => span.from <= from && span.to >= to);
}

/** What of [from, to] is in none of them. */
export function without(spans: readonly Span[], from: number, to: number): Span[] {
  const out: Span[] = [];
  let at = from;
  for (const span of merged(spans)) {
    if (span.to < at) continue;
    if (span.from > to) break;
    if (span.from > at) out.push({ from: at, to: span.from });
    at = Math.max(at, span.to);
  }
  if (at < to) out.push({ from: at, to });
  return out;
}
