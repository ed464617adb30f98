import type { Edit, History, JobSpecView } from '../history/history.ts';
import { bounds } from './bounds.ts';
import { ticksOf } from './schedule.ts';
import type { Span } from './spans.ts';
import type { World } from './world.ts';

/** A job as one acknowledged, or perhaps carried out, edit left it. */
export interface Version {
  readonly uid?: string;
  readonly anchor?: number;
  readonly revision?: number;
  readonly spec: JobSpecView;
  /** Whether the edit was acknowledged; it may not have been carried out where it was not. */
  readonly acknowledged: boolean;
  /** In force from some moment of it on: a client can't know from which. */
  readonly since: Span;
  /** No longer in force from some moment of it on; absent while it is. */
  until?: Span;
  /** Whether ticks in `since` are those of the version before, and nothing lies between. */
  readonly goesOn: boolean;
  /** The same of `until` and the version after. */
  continued: boolean;
}

export interface Job {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly versions: readonly Version[];
  readonly edits: readonly Edit[];
}

/** What each job was when, by what clients were told. */
export function jobsOf({ edits, run }: History, world: World): ReadonlyMap<string, Job> {
  const byKey = Map.groupBy(
    edits.filter(({ result }) => result !== 'refused'),
    ({ namespace, name }) => `${namespace}/${name}`,
  );
  return new Map(
    [...byKey].map(([key, own]) => {
      const sorted = own.toSorted((a, b) => a.sent - b.sent);
      return [key, { key, edits: sorted, versions: versionsOf(sorted, world, run.readAt) }];
    }),
  );
}

function versionsOf(edits: readonly Edit[], world: World, end: number): Version[] {
  const versions: Version[] = [];
  let uid: string | undefined;
  let anchor: number | undefined;
  // What was asked for without an answer has the uid that was read later, of a job that may have been there before.
  const anchors = new Map(edits.flatMap(one => (one.uid && one.anchor !== undefined ? [[one.uid, one.anchor]] : [])));
  let deleted = false;
  for (const [i, edit] of edits.entries()) {
    // Only a creation makes a job: what else was asked for of one that is surely gone had no effect.
    if (deleted && edit.action !== 'create') continue;
    deleted = edit.action === 'delete' && edit.result === 'done';
    const known = edit.result === 'done' ? edit : edits.slice(i + 1).find(({ result }) => result === 'done');
    const change: Span = {
      from: edit.sent - bounds.clockBound,
      to: known === undefined ? end : world.inForce(known.sent, known.answered),
    };
    const before = versions.at(-1);
    const spec = edit.action === 'delete' ? undefined : specAfter(edit, before);
    if (edit.action === 'create') [uid, anchor] = [edit.uid, edit.anchor];
    uid = edit.uid ?? uid;
    anchor = edit.anchor ?? anchors.get(edit.uid ?? '') ?? anchor;
    const goesOn =
      spec !== undefined && before !== undefined && edit.action !== 'create' && sameTicks(before.spec, spec);
    for (const open of versions) {
      if (open.until !== undefined && open.until.from <= change.from) continue;
      open.until = change;
      open.continued = goesOn;
    }
    if (spec === undefined) continue;
    versions.push({
      ...(uid !== undefined && { uid }),
      ...(anchor !== undefined && { anchor }),
      ...(edit.revision !== undefined && { revision: edit.revision }),
      spec,
      acknowledged: edit.result === 'done',
      since: change,
      goesOn,
      continued: false,
    });
  }
  return versions;
}

function specAfter({ action, spec }: Edit, before: Version | undefined): JobSpecView | undefined {
  const base = spec ?? before?.spec;
  if (base === undefined) return undefined;
  if (action === 'suspend') return { ...base, suspend: true };
  return action === 'resume' ? { ...base, suspend: false } : base;
}

function sameTicks(a: JobSpecView, b: JobSpecView): boolean {
  return a.schedule === b.schedule && (a.timeZone ?? 'UTC') === (b.timeZone ?? 'UTC') && !a.suspend === !b.suspend;
}

/** The versions that may have been in force at an instant. */
export function possibleAt({ versions }: Job, at: number): readonly Version[] {
  return versions.filter(({ since, until }) => since.from <= at && (until === undefined || at <= until.to));
}

/** The same of any moment of a stretch. */
export function possibleIn({ versions }: Job, from: number, to: number): readonly Version[] {
  return versions.filter(({ since, until }) => since.from <= to && (until === undefined || from <= until.to));
}

/** Ticks in (after, until] that may start: of any version that may have been in force. */
export function allowedTicks({ versions }: Job, after: number, until: number): ReadonlySet<number> {
  return new Set(
    versions
      .filter(({ spec }) => spec.suspend !== true)
      .flatMap(({ spec, anchor, since, until: over }) =>
        ticksOf(spec, anchor, Math.max(after, since.from), Math.min(until, over?.to ?? until)),
      ),
  );
}

/** Ticks in (after, until] that must have been accounted for, whichever version was in force when. */
export function requiredTicks(job: Job, after: number, until: number): number[] {
  // The ticks of a suspended job are recorded once that is over.
  const unended = unendedSuspension(job);
  const ticks = job.versions.flatMap(version => {
    if (unended.has(version)) return [];
    const { spec, anchor, since, until: over } = version;
    return ticksOf(spec, anchor, Math.max(after, since.from), Math.min(until, over?.to ?? until));
  });
  return [...new Set(ticks)].sort((a, b) => a - b).filter(tick => isSettled(job, tick));
}

/** The versions of a suspension that may last to this day: edits that keep the schedule, and the suspension, do not end it. */
function unendedSuspension({ versions }: Job): ReadonlySet<Version> {
  const unended = new Set<Version>();
  let next: Version | undefined;
  for (const version of versions.toReversed()) {
    const isSuspended = version.spec.suspend === true;
    if (isSuspended && (next === undefined || sameTicks(version.spec, next.spec))) {
      unended.add(version);
      next = version;
    } else if (version.acknowledged) break;
  }
  return unended;
}

function isSettled(job: Job, tick: number): boolean {
  const possible = possibleAt(job, tick);
  return (
    possible.length > 0 &&
    possible.every(
      ({ since, until, goesOn, continued }) =>
        (tick > since.to || goesOn) && (until === undefined || tick < until.from || continued),
    )
  );
}

/** The most runs at once that a version allows; undefined for any number. */
export function limitOf({ spec }: Version): number | undefined {
  return spec.concurrencyPolicy === 'Allow' ? spec.maxConcurrentRuns : 1;
}

/** The latest starting deadline of a tick, by any of these versions. */
export function deadlineOf(versions: readonly Version[], tick: number): number {
  return tick + 1_000 * Math.max(...versions.map(({ spec }) => spec.startingDeadlineSeconds), 0);
}

/** Whether a change of a job came, or may have come, into force in that time. */
export function changedIn({ versions }: Job, from: number, to: number): boolean {
  return versions.some(
    ({ since, until }) =>
      (since.from <= to && since.to >= from) || (until !== undefined && until.from <= to && until.to >= from),
  );
}
