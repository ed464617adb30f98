import { formatInstant, type Instant } from '../../domain/time.ts';
import type { Condition, CronJobStatus } from './types.ts';

export type Verdict = Omit<Condition, 'lastTransitionTime'>;

/** Kubernetes takes up to 32,768 characters. */
const maxMessage = 8_000;

/**
 * Conditions with these verdicts: each keeps the time of its last transition unless its status changes. Verdicts not
 * given are dropped.
 */
export function conditionsWith(
  before: readonly Condition[],
  verdicts: readonly Verdict[],
  now: Instant,
): readonly Condition[] {
  return verdicts.map(({ message, ...verdict }) => {
    const former = conditionOf(before, verdict.type);
    const lastTransitionTime =
      former?.status === verdict.status ? former.lastTransitionTime : formatInstant(Math.floor(now / 1_000) * 1_000);
    return { ...verdict, message: clip(message, maxMessage), lastTransitionTime };
  });
}

export function conditionOf(
  conditions: CronJobStatus['conditions'] | undefined,
  type: Condition['type'],
): Condition | undefined {
  return conditions?.find(one => one.type === type);
}

/** Text of at most so many characters; a cut is seen. */
export function clip(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
}
