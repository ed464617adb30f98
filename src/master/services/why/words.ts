import { jobKey } from '../../../domain/job/job.ts';
import { memberText } from '../../../domain/policy/members.ts';
import { auditAfter } from '../../../domain/policy/timing.ts';
import type { LeftOut } from '../../../domain/schedule/job-schedule.ts';
import { formatLocal } from '../../../domain/schedule/local-time.ts';
import { formatInstant, type Instant, type Milliseconds } from '../../../domain/time.ts';
import type { JobSpell, Run, Skip } from '../../../store/store.ts';
import type { PlacedTick, Stretch } from './spells.ts';

/** The clauses that answers are made of. */

/** `2026-11-24T02:00:00Z (2026-11-24 03:00 in Europe/Berlin)`. */
export function when(instant: Instant, timeZone: string): string {
  const utc = formatInstant(instant);
  return timeZone === 'UTC' ? utc : `${utc} (${formatLocal(instant, timeZone)} in ${timeZone})`;
}

/** Of the runs of one tick the one that says most: the first that is not well, else the first. */
export function tellingRun(runs: readonly Run[]): Run {
  const [first, ...others] = [...runs].sort((a, b) => memberOf(a) - memberOf(b));
  if (first === undefined) throw new Error('there is no run to tell of');
  return [first, ...others].find(({ state }) => state !== 'Succeeded') ?? first;
}

const memberOf = ({ particulars }: Run): number => particulars?.member?.index ?? -1;

/** One run as `runClause` says; several as `8 of 8 runs: 7 Succeeded, 1 Failed; run 3/8 (…-2): it ran: Failed on w-1 …`. */
export function runsClause(runs: readonly Run[], tick: Instant): string {
  const telling = tellingRun(runs);
  const member = runs.find(({ particulars }) => particulars?.member !== undefined)?.particulars?.member;
  if (member === undefined) return runClause(telling, tick);
  const states = new Map<string, number>();
  for (const { state } of runs) states.set(state, (states.get(state) ?? 0) + 1);
  const counts = [...states].map(([state, count]) => `${count} ${state}`).sort();
  const part =
    telling.particulars?.member === undefined
      ? telling.id
      : `${memberText(telling.particulars.member)} (${telling.id})`;
  return `${runs.length} of ${member.count} runs: ${counts.join(', ')}; run ${part}: ${runClause(telling, tick)}`;
}

/** `it ran: Failed on w-1 (exit 3), started 40ms after the tick, took 2s`. */
export function runClause(run: Run, tick: Instant): string {
  const kind = run.trigger === 'catchup' ? ' as a catch-up' : '';
  const on = run.worker === undefined ? '' : ` on ${run.worker}`;
  const facts = [
    run.exitCode === undefined ? undefined : `exit ${run.exitCode}`,
    run.signal,
    run.httpStatus === undefined ? undefined : `HTTP ${run.httpStatus}`,
    run.message,
  ].filter(fact => fact !== undefined && fact !== '');
  const details = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
  const { startedAt, finishedAt, claimedAt } = run;
  const late = startedAt === undefined ? undefined : `${span(Math.max(0, startedAt - tick))} after the tick`;
  switch (run.state) {
    case 'Pending':
      if (run.lastOutcome !== undefined && run.nextAttemptAt !== undefined) {
        const next = `its attempt ${run.attempt + 1}, due at ${formatInstant(run.nextAttemptAt)}`;
        return `its attempt ${run.attempt} ended as ${run.lastOutcome}${on}${details}; it waits for ${next}`;
      }
      return `it waits${kind} for a worker with room`;
    case 'Claimed':
      return `it was claimed${on}${claimedAt === undefined ? '' : ` at ${formatInstant(claimedAt)}`}, and its start is not reported yet`;
    case 'Running':
      return `it is running${kind}${on}${late === undefined ? '' : `, started ${late}`}`;
    case 'Skipped':
      return `it did not run: ${run.reason ?? 'Skipped'}${details}`;
    case 'Lost':
      return `its run was Lost${on}${details}: what became of it is not known`;
    default: {
      const took = startedAt === undefined || finishedAt === undefined ? '' : `, took ${span(finishedAt - startedAt)}`;
      return `it ran${kind}: ${run.state}${on}${details}${late === undefined ? '' : `, started ${late}`}${took}`;
    }
  }
}

/** `it did not run: StillRunning (the run … was still going), one of 5 ticks from … to …`. */
export function skipClause(skip: Skip): string {
  const others =
    skip.count > 1 ? `, one of ${skip.count} ticks from ${formatInstant(skip.from)} to ${formatInstant(skip.to)}` : '';
  return `it did not run: ${skip.reason} (${skip.detail})${others}`;
}

export function notYetClause(tick: Instant, now: Instant): string {
  const audit = tick + auditAfter;
  if (now < audit) {
    return `neither a run nor a skip is recorded yet; what no worker reports is judged from ${formatInstant(audit)} on`;
  }
  return 'neither a run nor a skip is recorded yet: the masters have not accounted for it, or its worker has not reported; /readyz of master and worker says what is wrong';
}

export function scheduleClause({ spell, schedule }: Stretch): string {
  return `the schedule ${JSON.stringify(spell.spec.schedule)} in ${schedule.timeZone}`;
}

/** Where the tick is by a schedule that holds no more. */
export function formerClause(stretch: Stretch): string {
  const { until } = stretch.spell;
  return until === undefined ? '' : `, by ${scheduleClause(stretch)}, which held until ${formatInstant(until)}`;
}

/** `2026-12-25T03:00:00Z of default/report falls out: calendar holidays excludes it (2026-12-25)`. */
export function leftOutClause(stretch: Stretch, { at, clause }: LeftOut): string {
  const time = when(at, stretch.schedule.timeZone);
  return `${time} of ${jobKey(stretch.spell)} falls out: ${clause}${formerClause(stretch)}`;
}

export function suspendedClause(spell: JobSpell): string {
  const { floor, until, paused } = spell;
  const what = paused === undefined ? 'suspended' : 'paused';
  const why = paused === undefined ? '' : `: ${paused.detail}`;
  if (until === undefined) return `the job has been ${what} since ${formatInstant(floor)}${why}`;
  return `the job was ${what} from ${formatInstant(floor)} to ${formatInstant(until)}${why}`;
}

export function dueClause({ spell, schedule, tick }: PlacedTick): string {
  return `${jobKey(spell)} was due at ${when(tick, schedule.timeZone)}`;
}

/** `850ms`, `12s`, `5m3s`, `2h10m`. */
function span(time: Milliseconds): string {
  if (time < 1_000) return `${time}ms`;
  const seconds = Math.floor(time / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}m${seconds % 60}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}
