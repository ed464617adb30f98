import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../history/history.ts';
import type { PlannedFault } from '../plan/plan.ts';
import { nemeses } from './index.ts';
import type { Field } from './nemesis.ts';

export interface FaultRun {
  /** Epoch milliseconds that the plan's times count from. */
  readonly start: number;
  readonly field: Field;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A fault that could not be made or ended as planned: then nothing is known, and nothing is judged. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
}

/**
 * Carries the plan's faults out, each at its time, and resolves with what was broken from when to when, once all of it
 * has ended.
 *
 * @throws FaultError
 */
export async function runFaults(planned: readonly PlannedFault[], run: FaultRun): Promise<Fault[]> {
  const faults = await Promise.allSettled(planned.map(fault => runFault(fault, run)));
  const failed = faults.find(one => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return faults.flatMap(one => (one.status === 'fulfilled' ? [one.value] : [])).sort((a, b) => a.from - b.from);
}

async function runFault(fault: PlannedFault, { start, field, say, signal }: FaultRun): Promise<Fault> {
  const { nemesis: name, at, duration } = fault;
  const nemesis = nemeses.find(one => one.name === name);
  if (nemesis === undefined) throw new FaultError(`there is no nemesis ${name}`);
  const begin = start + at;
  await sleep(Math.max(0, begin - Date.now()), undefined, { signal });
  const called = Date.now();
  try {
    const { heal, from = called, targets, effect, detail } = await nemesis.begin(fault, field);
    say(`${name}: ${effect} ${targets.join(', ')} ${JSON.stringify(detail)}`);
    if (heal !== undefined) {
      await sleep(Math.max(0, begin + duration - Date.now()), undefined, { signal });
      await heal();
    }
    const to = Date.now();
    say(`${name}: ended after ${((to - from) / 1000).toFixed(1)} s`);
    return { nemesis: name, targets, from, to, effect, detail };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new FaultError(`${name} of ${JSON.stringify(fault.options)} failed`, { cause: error });
  }
}
