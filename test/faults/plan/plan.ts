import { Random } from '../../chaos/random.ts';
import type { Nemesis } from '../nemeses/nemesis.ts';
import { planChanges } from './changes.ts';
import { planFaults } from './faults.ts';
import { planJobs } from './jobs.ts';

/**
 * All that a run of the harness is going to do, a pure function of its options: jobs, what clients ask for, and faults.
 * Times are milliseconds from the start, which is a full minute.
 */
export interface Plan {
  readonly seed: number;
  /** How long there are faults, edits and requests. */
  readonly duration: number;
  readonly jobs: readonly PlannedJob[];
  readonly changes: readonly Change[];
  readonly faults: readonly PlannedFault[];
}

export interface PlanOptions {
  readonly seed: number;
  readonly duration: number;
  readonly nemeses: readonly Nemesis[];
  readonly shape: Shape;
  /** Between most faults there is none for at least so long, in milliseconds: 10 s, in which what was broken is well again. */
  readonly calm?: number;
}

/** How many nodes there are to be broken. */
export interface Shape {
  readonly workers: number;
  readonly masters: number;
  readonly servers: number;
}

/** A job as it is made, before the harness's own addresses are filled in. */
export interface PlannedJob {
  readonly namespace: string;
  readonly name: string;
  /** Everything of the spec but the executor. */
  readonly spec: Readonly<Record<string, unknown>> & { readonly schedule: string };
  readonly work: Work;
  /** Its spec changes in the fault phase, or it is suspended, or goes away for a while. */
  readonly edited: boolean;
}

/** What a run of a job does. */
export interface Work {
  readonly kind: 'shell' | 'http';
  /** How long a run takes: any time between these, in milliseconds. */
  readonly least: number;
  readonly most: number;
  /** The status that it ends with: of a process, or (200, 500) of an answer. */
  readonly exit: number;
  readonly lines: number;
  /** How many locks its runs may hold at once; 0: there is no limit. */
  readonly slots: number;
  /** It leaves a process behind `setsid`, which has to be ended with it. */
  readonly child: boolean;
  /** How long it goes on after TERM, in milliseconds. */
  readonly linger: number;
  readonly text: string;
}

/** What a client asks for. `master`: which one is asked, as an index. */
export type Change = { readonly at: number; readonly master: number; readonly job: string } & (
  | { readonly action: 'suspend' | 'resume' | 'delete' | 'create' | 'trigger' | 'kill' }
  | { readonly action: 'replace'; readonly schedule?: string; readonly text?: string }
);

export interface PlannedFault {
  readonly nemesis: string;
  readonly at: number;
  readonly duration: number;
  readonly options: Options;
}

export type Options = Readonly<Record<string, number | string | boolean>>;

/** Below this, what happens once a minute happens each 20 s, so that a short run has it too. */
const short = 120_000;

export function makePlan({ seed, duration, nemeses, shape, calm = 10_000 }: PlanOptions): Plan {
  // Each part has numbers of its own: another choice of nemeses leaves the jobs as they are.
  const herdEvery = duration < short ? 20_000 : 60_000;
  const jobs = planJobs(new Random(seed), herdEvery);
  return {
    seed,
    duration,
    jobs,
    changes: planChanges(new Random(seed ^ 0x5bd1e995), jobs, { duration, masters: shape.masters }),
    faults: planFaults(new Random(seed ^ 0x1b873593), nemeses, { seed, duration, shape, calm, herdEvery }),
  };
}

export const jobKeyOf = (job: Pick<PlannedJob, 'namespace' | 'name'>): string => `${job.namespace}/${job.name}`;
