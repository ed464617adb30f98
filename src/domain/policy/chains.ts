import type { JobSpec } from '../job/spec.ts';
import { failedStates, type RunState } from '../run/run.ts';

type Upstream = NonNullable<JobSpec['after']>[number];

/** Ends that `outcome: Failure` asks for. */
const failures: ReadonlySet<RunState> = new Set<RunState>([...failedStates, 'Killed']);

/** Whether the end of a run is the one that is asked for. Skipped is only `Always`. */
export function matchesEnd(outcome: Upstream['outcome'], state: RunState): boolean {
  if (outcome === 'Always') return true;
  return outcome === 'Success' ? state === 'Succeeded' : failures.has(state);
}

/** How a whole ended whose members ended so: the first of them that did not succeed says it, a failed one before a skipped one. */
export function endOfWhole(states: readonly RunState[]): RunState {
  return states.find(state => failures.has(state)) ?? states.find(state => state !== 'Succeeded') ?? 'Succeeded';
}

/**
 * Of the ends of upstreams, those that are not the ones asked for, as one sentence; undefined when all are.
 *
 * @example mismatch([{ job: 'extract', outcome: 'Success', state: 'Failed' }]) // 'extract ended as Failed, asked for is Success'
 */
export function mismatch(ends: readonly (Upstream & { readonly state: RunState })[]): string | undefined {
  const wrong = ends.filter(({ outcome, state }) => !matchesEnd(outcome, state));
  if (wrong.length === 0) return undefined;
  return wrong.map(({ job, outcome, state }) => `${job} ended as ${state}, asked for is ${outcome}`).join('; ');
}

/** One job comes after another. */
export interface Edge {
  readonly name: string;
  readonly upstream: string;
}

/**
 * The cycle that a job would close by coming after `upstreams`, in the order in which its jobs would run; undefined
 * when there is none. `edges` are those that are reached from `upstreams`; edges of the job itself are left out.
 *
 * @example cycleThrough('a', ['c'], [{ name: 'c', upstream: 'b' }, { name: 'b', upstream: 'a' }]) // ['a', 'b', 'c', 'a']
 */
export function cycleThrough(
  job: string,
  upstreams: readonly string[],
  edges: readonly Edge[],
): readonly string[] | undefined {
  const above = Map.groupBy(edges, ({ name }) => name);
  // Which job led to each: the first way to it is the shortest.
  const below = new Map<string, string>(upstreams.map(name => [name, job]));
  for (const name of below.keys()) {
    if (name === job) {
      const path = [job];
      for (let at = below.get(job); at !== undefined && at !== job; at = below.get(at)) path.push(at);
      return [...path, job];
    }
    for (const { upstream } of above.get(name) ?? []) if (!below.has(upstream)) below.set(upstream, name);
  }
  return undefined;
}
