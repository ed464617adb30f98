import type { JobSpec, NotifyRule } from '../job/spec.ts';
import type { SkipReason } from '../run/run.ts';
import type { NewNotification, NotificationContent } from './notification.ts';
import { textOf, titleOf } from './notification.ts';

/**
 * Reasons of ticks that nobody wished to skip. The others follow from the job's own policy, or from somebody's wish:
 * Suspended, StillRunning, Replaced and so on.
 */
export const missedReasons: ReadonlySet<SkipReason> = new Set<SkipReason>([
  'NoEligibleWorker',
  'NoCapacity',
  'DeadlineExceeded',
  'Misfire',
  'MisfireLimit',
  'ClusterDown',
  'CoordinationUnavailable',
  'QueueFull',
]);

/** Whether a rule tells of a failure that is the `failures`-th in a row. */
export function tellsFailure(rule: NotifyRule, failures: number): boolean {
  return rule.events.includes('Failure') && failures > 0 && failures % rule.every === 0;
}

/** Whether it tells of a success after that many failures in a row: at least one of them was told, or would have been. */
export function tellsRecovery(rule: NotifyRule, failures: number): boolean {
  return rule.events.includes('Recovery') && failures >= rule.every;
}

/** The rules of a job that tell of an event, each with its place in the list. */
export function rulesFor(
  spec: Pick<JobSpec, 'notify'>,
  tells: (rule: NotifyRule) => boolean,
): readonly { readonly rule: NotifyRule; readonly place: number }[] {
  return (spec.notify ?? []).flatMap((rule, place) => (tells(rule) ? [{ rule, place }] : []));
}

/**
 * A notification by a rule. `about` names what it is about: a run's id, or the job and the range of ticks.
 */
export function notificationOf(
  job: Pick<NewNotification, 'jobUid' | 'namespace' | 'name'>,
  { rule, place }: { readonly rule: NotifyRule; readonly place: number },
  about: string,
  content: NotificationContent,
): NewNotification {
  const { event, run } = content;
  return {
    ...job,
    id: `${about}/${event}/${place}`,
    channel: rule.channel,
    event,
    ...(run !== undefined && { run }),
    content: { ...content, title: titleOf(content), text: textOf(content, rule.template) },
  };
}
