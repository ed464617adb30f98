import type { Report } from '../../domain/run/report.ts';

/**
 * Applies reports in one go. When the data itself is refused, the reports are halved until the one to blame stands
 * alone, and that one is dropped: otherwise it would hold back its worker's spool for ever. Errors of any other kind
 * are thrown, since everything may be committed later.
 */
export async function applySplitting(
  reports: readonly Report[],
  apply: (reports: readonly Report[]) => Promise<void>,
  drop: (report: Report, error: unknown) => void,
): Promise<void> {
  try {
    await apply(reports);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [only] = reports;
    if (reports.length === 1 && only) return drop(only, error);
    const half = Math.ceil(reports.length / 2);
    await applySplitting(reports.slice(0, half), apply, drop);
    await applySplitting(reports.slice(half), apply, drop);
  }
}

/** Whether the database refused the data: SQLSTATE class 22 (data exception) or 23 (integrity), anywhere among the causes. */
export function isDataError(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 8) return false;
  const { code, originalCode, cause, meta, driverAdapterError } = error as Record<string, unknown>;
  if ([code, originalCode].some(one => typeof one === 'string' && /^2[23][0-9A-Z]{3}$/.test(one))) return true;
  return [cause, meta, driverAdapterError].some(one => isDataError(one, depth + 1));
}
