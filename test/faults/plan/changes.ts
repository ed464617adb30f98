import type { Random } from '../../chaos/random.ts';
import { type Change, jobKeyOf, type PlannedJob } from './plan.ts';

const schedules = ['* * * * * *', '*/2 * * * * *', '*/3 * * * * *', '*/5 * * * * *', '@every 2s', '@every 5s'] as const;

/** Of what is asked for between this and the end, the whole effect is seen while there are faults. */
const calmAtEnd = 3_000;

/**
 * What clients do in the fault phase: of each job that is edited one thing after another, runs asked for, and runs
 * killed.
 */
export function planChanges(
  random: Random,
  jobs: readonly PlannedJob[],
  { duration, masters }: { readonly duration: number; readonly masters: number },
): Change[] {
  const end = duration - calmAtEnd;
  const changes: Change[] = [];
  const master = () => Math.floor(random.next() * masters);
  for (const job of jobs.filter(one => one.edited)) {
    let state: 'there' | 'suspended' | 'gone' = 'there';
    for (let at = random.between(1_000, 8_000); at < end; at += random.between(3_000, 14_000)) {
      const base = { at: Math.round(at), master: master(), job: jobKeyOf(job) };
      if (state === 'suspended') {
        changes.push({ ...base, action: 'resume' });
        state = 'there';
      } else if (state === 'gone') {
        changes.push({ ...base, action: 'create' });
        state = 'there';
      } else {
        const what = random.next();
        if (what < 0.35) changes.push({ ...base, action: 'replace', schedule: random.of(schedules) });
        else if (what < 0.6) changes.push({ ...base, action: 'replace', text: `edit-${base.at}` });
        else if (what < 0.85) {
          changes.push({ ...base, action: 'suspend' });
          state = 'suspended';
        } else {
          changes.push({ ...base, action: 'delete' });
          state = 'gone';
        }
      }
    }
    // Ticks of a suspended stretch are accounted for when it ends.
    if (state === 'suspended') changes.push({ at: end, master: master(), job: jobKeyOf(job), action: 'resume' });
  }
  const strict = jobs.filter(one => !one.edited);
  const byHand = strict.filter(one => one.spec.schedule === '@manually');
  const exclusive = strict.filter(one => one.work.slots === 1);
  for (let at = random.between(500, 3_000); at < end; at += random.between(1_500, 5_000)) {
    const job = random.chance(0.6) ? random.of(byHand) : random.of(strict);
    changes.push({ at: Math.round(at), master: master(), job: jobKeyOf(job), action: 'trigger' });
  }
  for (let at = random.between(4_000, 9_000); at < end; at += random.between(6_000, 15_000)) {
    changes.push({ at: Math.round(at), master: master(), job: jobKeyOf(random.of(exclusive)), action: 'kill' });
  }
  return changes.sort((a, b) => a.at - b.at);
}
