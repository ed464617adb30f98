import { expand } from '../expand.ts';
import type { JobUid } from '../job/job.ts';
import type { NotifyRule } from '../job/spec.ts';
import type { RunId, RunState, SkipReason } from '../run/run.ts';
import { formatInstant, type Instant } from '../time.ts';

/** What there is to tell. */
export type NotifyEvent = NotifyRule['events'][number];

/** What a notification says, for programs. */
export interface NotificationContent {
  readonly event: NotifyEvent;
  readonly namespace: string;
  readonly job: string;
  readonly at: Instant;
  readonly run?: RunId;
  readonly tick?: Instant;
  readonly state?: RunState;
  readonly attempt?: number;
  readonly worker?: string;
  readonly message?: string;
  /** Failure: how many runs in a row have failed, this one included. Recovery: how many had. */
  readonly failures?: number;
  /** Missed: why, and the ticks from `tick` to `until`, `count` of them. */
  readonly reason?: SkipReason;
  readonly until?: Instant;
  readonly count?: number;
}

/** Something to be told to one channel, once. */
export interface NewNotification {
  /** Made from what it is about: telling the same twice is telling it once. */
  readonly id: string;
  readonly jobUid: JobUid;
  readonly namespace: string;
  readonly name: string;
  readonly channel: string;
  readonly event: NotifyEvent;
  readonly run?: RunId;
  readonly content: NotificationContent & { readonly title: string; readonly text: string };
}

/** One line. @example 'Failure: default/backup' */
export function titleOf({ event, namespace, job }: NotificationContent): string {
  return `${event}: ${namespace}/${job}`;
}

/** What people read: the rule's own template, or one sentence for each event. */
export function textOf(content: NotificationContent, template: string | undefined): string {
  return template === undefined ? sentence(content) : expand(template, variables(content)).text;
}

function variables(content: NotificationContent): Readonly<Record<string, string>> {
  const text = (value: string | number | undefined): string => (value === undefined ? '' : String(value));
  return {
    JOB: content.job,
    NAMESPACE: content.namespace,
    EVENT: content.event,
    STATE: text(content.state ?? content.reason),
    RUN: text(content.run),
    TICK: content.tick === undefined ? '' : formatInstant(content.tick),
    ATTEMPT: text(content.attempt),
    WORKER: text(content.worker),
    MESSAGE: text(content.message),
    FAILURES: text(content.failures),
    COUNT: text(content.count),
  };
}

function sentence(content: NotificationContent): string {
  const { event, run, tick, until, state, attempt, worker, message, failures = 1, reason, count = 1 } = content;
  const of = tick === undefined ? '' : ` of ${formatInstant(tick)}`;
  const because = message === undefined || message === '' ? '' : `: ${message}`;
  switch (event) {
    case 'Failure': {
      const row = failures > 1 ? ` It is failure ${failures} in a row.` : '';
      const tries = (attempt ?? 1) > 1 ? ` after ${attempt} attempts` : '';
      return `Run ${run}${of} ended as ${state}${tries}${worker === undefined ? '' : ` on ${worker}`}${because}.${row}`;
    }
    case 'Recovery':
      return `Run ${run}${of} succeeded after ${failures} ${failures === 1 ? 'failure' : 'failures'}.`;
    case 'Late':
      return `Run ${run}${of} is late${because}.`;
    case 'Missed':
      return count === 1
        ? `The tick${of} has no run (${reason})${because}.`
        : `${count} ticks from ${formatInstant(tick ?? 0)} to ${formatInstant(until ?? 0)} have no run (${reason})${because}.`;
  }
}
