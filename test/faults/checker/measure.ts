// `node test/faults/checker/measure.ts FOLDER…`: what a dead owner and a worker without Consul cost, measured from the
// histories of runs of the fault harness. It judges nothing: docs/reliability.md has what it printed.
import type { Edit, Fault, History, Start } from '../history/history.ts';
import { readHistory } from './read.ts';

/** Ticks that may have been the dead worker's: those from just before its end until Consul has dropped it. */
const orphaned = { before: 100, after: 3_000 };

interface Measured {
  readonly what: string;
  readonly faults: number;
  /** In milliseconds. */
  readonly values: readonly number[];
}

const histories = await Promise.all(process.argv.slice(2).map(readHistory));
if (histories.length === 0) {
  console.error('usage: node test/faults/checker/measure.ts FOLDER…');
  process.exit(2);
}
const measured = [
  gather('owner killed: starts after their ticks, ms', histories, killedAlone, lateness),
  gather('worker cut from Consul: until its exclusive runs had ended, ms', histories, ofEffect('cut'), untilGone),
  gather('… and from there until the next start of the job, ms', histories, ofEffect('cut'), untilNext),
  gather('worker stopped for long: until its exclusive runs had ended, ms', histories, ofEffect('stopped'), untilGone),
  gather('… and from there until the next start of the job, ms', histories, ofEffect('stopped'), untilNext),
];
for (const { what, faults, values } of measured) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  process.stdout.write(
    `${what}: ${sorted.length} in ${faults} faults; least ${at(0)}, p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)}\n`,
  );
}

function gather(
  what: string,
  all: readonly History[],
  wanted: (history: History) => readonly Fault[],
  measure: (history: History, fault: Fault) => readonly number[],
): Measured {
  const faults = all.flatMap(history => wanted(history).map(fault => ({ history, fault })));
  return { what, faults: faults.length, values: faults.flatMap(({ history, fault }) => measure(history, fault)) };
}

/** Faults of one worker alone, nothing else broken around them. */
function alone({ faults }: History, fault: Fault): boolean {
  const others = faults.filter(other => other !== fault);
  const around = (other: Fault): boolean => other.from <= fault.from + 30_000 && other.to >= fault.from - 20_000;
  return fault.targets.length === 1 && /^worker-\d+$/.test(fault.targets[0] ?? '') && !others.some(around);
}

function killedAlone(history: History): readonly Fault[] {
  return history.faults.filter(fault => fault.effect === 'killed' && alone(history, fault));
}

function ofEffect(effect: Fault['effect']): (history: History) => readonly Fault[] {
  return history =>
    history.faults.filter(
      fault => fault.effect === effect && fault.to - fault.from > 13_000 && fault.targets.length === 1,
    );
}

/** Of ticks that no policy holds back. */
function lateness(history: History, { from }: Fault): readonly number[] {
  return history.starts.flatMap(start => {
    const { tick, attempt, at } = start;
    if (tick === undefined || attempt !== 1) return [];
    const spec = specOf(history.edits, start);
    const free = spec?.concurrencyPolicy === 'Allow' && spec.maxConcurrentRuns === undefined;
    return free && tick >= from - orphaned.before && tick <= from + orphaned.after ? [at - tick] : [];
  });
}

/** Exclusive runs that went on when the fault began and that it may have ended. */
function held(history: History, { from, to, targets }: Fault): readonly (Start & { readonly gone: number })[] {
  return history.starts.flatMap(start => {
    const { at, end, gone } = start;
    const exclusive = specOf(history.edits, start)?.concurrencyPolicy !== 'Allow';
    const isHeld = exclusive && start.worker === targets[0] && at < from && end === undefined;
    return isHeld && gone !== undefined && gone > from && gone < to + 20_000 ? [{ ...start, gone }] : [];
  });
}

function untilGone(history: History, fault: Fault): readonly number[] {
  return held(history, fault).map(({ gone }) => gone - fault.from);
}

function untilNext(history: History, fault: Fault): readonly number[] {
  return held(history, fault).flatMap(({ namespace, name, run, attempt, at, gone }) => {
    const later = history.starts.filter(
      one =>
        one.namespace === namespace && one.name === name && one.at > at && (one.run !== run || one.attempt !== attempt),
    );
    return later.length === 0 ? [] : [Math.min(...later.map(one => one.at)) - gone];
  });
}

/** The job's spec as it was when the run started. */
function specOf(edits: readonly Edit[], { namespace, name, at }: Start): Edit['spec'] {
  const own = edits.filter(one => one.namespace === namespace && one.name === name && one.sent <= at);
  return own.findLast(one => one.result === 'done' && one.spec !== undefined)?.spec;
}
