import type { JobUid } from '../domain/job/job.ts';
import type { Report, ReportBatch, RunReference } from '../domain/run/report.ts';
import { type Member, type Outcome, type RunId, SkipReason, TriggerKind } from '../domain/run/run.ts';
import type { Instant } from '../domain/time.ts';
import type {
  Member as MemberMessage,
  Report as Message,
  RunReference as ReferenceMessage,
  ReportRequest,
} from '../gen/cronmesh/v1/report.ts';

/** Between reports as the domain has them and as they travel (`proto/cronmesh/v1/report.proto`). */

/** A report that this program cannot read: which field, and what it held. */
export class InvalidReportError extends Error {
  override readonly name = 'InvalidReportError';
  readonly field: string;
  readonly value: unknown;
  constructor(field: string, value: unknown, wanted: string) {
    super(`${field}: ${wanted}, got ${JSON.stringify(value)?.slice(0, 200)}`);
    this.field = field;
    this.value = value;
  }
}

const outcomes = new Set<Outcome>(['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost']);
const streams = new Set(['stdout', 'stderr', 'system'] as const);
const reasons = new Set(Object.values(SkipReason));
const triggers = new Set(Object.values(TriggerKind));

export function encodeBatch(batch: ReportBatch): ReportRequest {
  return { worker: batch.worker, spool: batch.spool, first: batch.first, reports: batch.reports.map(encodeReport) };
}

export function encodeReport(report: Report): Message {
  return { reference: encodeReference(report), atMs: report.at, fact: encodeFact(report) };
}

/** The most reports that a batch may have: workers send 500. */
export const maxReports = 10_000;

/** What a batch says of itself must be fit for logs, keys and rows. @throws InvalidReportError */
export function checkBatch({ worker, spool, reports }: ReportRequest): void {
  if (worker === '') throw new InvalidReportError('worker', worker, 'is missing');
  matching('worker', worker, /^[\w.:-]{1,128}$/, 'must be a worker’s id');
  matching('spool', spool, /^[^\0]{1,128}$/, 'must be a spool’s id');
  if (reports.length > maxReports)
    throw new InvalidReportError('reports', reports.length, `must be at most ${maxReports}`);
}

/** @throws InvalidReportError */
export function decodeReport(message: Message): Report {
  const { reference, fact } = message;
  if (!reference) throw new InvalidReportError('reference', undefined, 'is missing');
  const at = instant('at_ms', message.atMs);
  switch (fact?.$case) {
    case 'claimed': {
      const fencingToken = matching('claimed.fencing_token', fact.value.fencingToken, /^\d{1,30}$/, 'must be a number');
      return { ...decodeReference(reference), type: 'claimed', at, fencingToken, revision: fact.value.revision };
    }
    case 'started':
      return { ...decodeReference(reference), type: 'started', at, ...defined({ pid: fact.value.pid }) };
    case 'output': {
      const { sequence, text } = fact.value;
      const stream = oneOf('output.stream', fact.value.stream, streams);
      return { ...decodeReference(reference), type: 'output', at, sequence, stream, text };
    }
    case 'progress': {
      const { percent, message: sentence } = fact.value;
      if (!(percent >= 0 && percent <= 100))
        throw new InvalidReportError('progress.percent', percent, 'must be from 0 to 100');
      return { ...decodeReference(reference), type: 'progress', at, percent, ...defined({ message: sentence }) };
    }
    case 'finished': {
      const { exitCode, signal, httpStatus, message: sentence } = fact.value;
      const outcome = oneOf('finished.outcome', fact.value.outcome, outcomes);
      const rest = defined({ exitCode, signal, httpStatus, message: sentence });
      return { ...decodeReference(reference), type: 'finished', at, outcome, ...rest };
    }
    case 'skipped': {
      const { count, detail } = fact.value;
      const from = instant('skipped.from_ms', fact.value.fromMs);
      const to = instant('skipped.to_ms', fact.value.toMs);
      if (from > to) throw new InvalidReportError('skipped.to_ms', to, `must not be before from_ms ${from}`);
      if (count < 1) throw new InvalidReportError('skipped.count', count, 'must be 1 or more');
      const reason = oneOf('skipped.reason', fact.value.reason, reasons);
      return { ...decodeJob(reference), type: 'skipped', at, from, to, count, reason, detail };
    }
    default:
      throw new InvalidReportError('fact', fact, 'is missing, or of a kind that this version does not know');
  }
}

function encodeReference(report: Report): ReferenceMessage {
  const { jobUid, namespace, name } = report;
  if (report.type === 'skipped')
    return { run: '', attempt: 0, jobUid, namespace, name, trigger: '', member: undefined };
  const { run, attempt, tick, trigger, member } = report;
  const particular = member && { index: member.index, count: member.count, worker: member.worker ?? '' };
  return { run, attempt, jobUid, namespace, name, tickMs: tick, trigger, member: particular };
}

function encodeFact(report: Report): Message['fact'] {
  switch (report.type) {
    case 'claimed': {
      const { fencingToken, revision } = report;
      return { $case: 'claimed', value: { fencingToken, revision } };
    }
    case 'started':
      return { $case: 'started', value: { pid: report.pid } };
    case 'output': {
      const { sequence, stream, text } = report;
      return { $case: 'output', value: { sequence, stream, text } };
    }
    case 'progress': {
      const { percent, message } = report;
      return { $case: 'progress', value: { percent, message } };
    }
    case 'finished': {
      const { outcome, exitCode, signal, httpStatus, message } = report;
      return { $case: 'finished', value: { outcome, exitCode, signal, httpStatus, message } };
    }
    case 'skipped': {
      const { from: fromMs, to: toMs, count, reason, detail } = report;
      return { $case: 'skipped', value: { fromMs, toMs, count, reason, detail } };
    }
  }
}

function decodeReference(reference: ReferenceMessage): RunReference {
  const { attempt } = reference;
  const tickMs = reference.tickMs === undefined ? undefined : instant('reference.tick_ms', reference.tickMs);
  const run = matching('reference.run', reference.run, /^[a-z0-9-]{1,64}$/, 'must be a run’s id') as RunId;
  if (attempt < 1) throw new InvalidReportError('reference.attempt', attempt, 'must be 1 or more');
  const trigger = oneOf('reference.trigger', reference.trigger, triggers);
  const member = reference.member && decodeMember(reference.member);
  return { run, attempt, ...decodeJob(reference), trigger, ...defined({ tick: tickMs, member }) };
}

function decodeMember({ index, count, worker }: MemberMessage): Member {
  if (index >= count) throw new InvalidReportError('reference.member.index', index, `must be below count ${count}`);
  return { index, count, ...(worker !== '' && { worker }) };
}

function decodeJob(reference: ReferenceMessage) {
  return {
    jobUid: matching('reference.job_uid', reference.jobUid, /^[a-z0-9]{1,64}$/, 'must be a job’s uid') as JobUid,
    namespace: matching('reference.namespace', reference.namespace, /^[^/\0]{1,63}$/, 'must be a namespace'),
    name: matching('reference.name', reference.name, /^[^/\0]{1,128}$/, 'must be a job’s name'),
  };
}

/** What is none could be stored, and then not be shown. */
function instant(field: string, value: number): Instant {
  if (!(value >= 0 && value <= 8.64e15))
    throw new InvalidReportError(field, value, 'must be milliseconds since 1970, up to 8.64e15');
  return value;
}

function matching(field: string, value: string, pattern: RegExp, wanted: string): string {
  if (!pattern.test(value)) throw new InvalidReportError(field, value, wanted);
  return value;
}

function oneOf<T extends string>(field: string, value: string, allowed: ReadonlySet<T>): T {
  if (!allowed.has(value as T)) throw new InvalidReportError(field, value, `must be one of ${[...allowed].join(', ')}`);
  return value as T;
}

/** Without the fields that are undefined. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
