import type { Random } from '../../chaos/random.ts';
import type { Fault } from '../history/history.ts';
import type { Lab } from '../lab/lab.ts';
import type { Options, PlannedFault, Shape } from '../plan/plan.ts';

/** One way to break things. What it chooses, it chooses in `plan`, by the seed; `begin` only does it. */
export interface Nemesis {
  readonly name: string;
  readonly family: Family;
  plan(random: Random, shape: Shape): Choices;
  /** Breaks it. What is then broken is told by the answer; it ends with `heal`, or has ended when that is left out. */
  begin(fault: PlannedFault, field: Field): Promise<Broken>;
}

export type Family =
  | 'worker'
  | 'master'
  | 'consul'
  | 'partition'
  | 'impair'
  | 'past'
  | 'database'
  | 'disk'
  | 'clock'
  | 'rolling';

export interface Choices {
  /** How long it lasts, in milliseconds. */
  readonly duration: number;
  readonly options: Options;
  /** To begin so many milliseconds after a herd is due. */
  readonly atHerd?: number;
}

/** What there is to be broken, and what is done to it besides. */
export interface Field {
  readonly lab: Lab;
  /** Sends some edits at once to one master, by its index, and does not wait for their answers. */
  burst(master: number): void;
}

export interface Broken extends Pick<Fault, 'targets' | 'effect' | 'detail'> {
  /** When it began, if not when `begin` was called. */
  readonly from?: number;
  readonly heal?: () => Promise<void>;
}

/** A whole number from `from` to `to`, both included. */
export const whole = (random: Random, from: number, to: number): number => Math.floor(random.between(from, to + 1));

/** Between so many seconds, in milliseconds. */
export const seconds = (random: Random, from: number, to: number): number =>
  Math.round(random.between(from, to) * 1000);

export function numberOf(options: Options, name: string): number {
  const value = options[name];
  if (typeof value !== 'number') throw new Error(`the option ${name} of a fault must be a number, it is ${value}`);
  return value;
}

/** @throws Error when the lab has no such node */
export function nodeOf<N>(nodes: readonly N[], options: Options, name: string): N {
  const node = nodes[numberOf(options, name)];
  if (node === undefined) throw new Error(`the lab has no ${name} ${options[name]}`);
  return node;
}

export const pause = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds));
