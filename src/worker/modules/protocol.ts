import type { Kind } from '../../jobs/definition.ts';
import type { ModuleCatalog } from './catalog.ts';

/**
 * What is said to a module host, over the IPC channel of the process: one request, and what becomes of it. So nothing of
 * a run is in the list of processes.
 */
export type HostRequest =
  /** Load all modules and tell what they define. */
  { readonly type: 'list'; readonly base: string; readonly specifiers: readonly string[] } | RunRequest;

export interface RunRequest {
  readonly type: 'run';
  readonly base: string;
  readonly source: string;
  readonly kind: Kind;
  readonly name: string;
  /** The input, or the settings. */
  readonly value: unknown;
  readonly job: { readonly namespace: string; readonly name: string };
  readonly run: string;
  readonly attempt: number;
  readonly tick?: string;
  readonly shard?: { readonly index: number; readonly count: number };
  readonly arguments: readonly string[];
  readonly fencingToken: string;
}

export type HostMessage =
  | { readonly type: 'listed'; readonly catalog: ModuleCatalog }
  /** The modules can't be used: one line. */
  | { readonly type: 'unusable'; readonly why: string }
  | { readonly type: 'progress'; readonly percent: number; readonly message?: string }
  | { readonly type: 'succeeded'; readonly message?: string }
  | { readonly type: 'failed'; readonly message: string };
