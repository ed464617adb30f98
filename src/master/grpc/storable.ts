import type { Report } from '../../domain/run/report.ts';

/** What a run prints may hold NUL and halves of surrogate pairs, which PostgreSQL's text does not: each becomes U+FFFD. */
export function storableReport(report: Report): Report {
  switch (report.type) {
    case 'output':
      return isStorable(report.text) ? report : { ...report, text: storable(report.text) };
    case 'progress':
    case 'finished':
      return report.message === undefined || isStorable(report.message)
        ? report
        : { ...report, message: storable(report.message) };
    case 'skipped':
      return isStorable(report.detail) ? report : { ...report, detail: storable(report.detail) };
    default:
      return report;
  }
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}
