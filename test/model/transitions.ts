import type { RunState } from '../../src/domain/run/run.ts';

/** How a run's row may go from one state to another. `new`: there is no row. docs/states.md draws this table. */
export const transitions: Readonly<Record<RunState | 'new', readonly RunState[]>> = {
  new: ['Pending', 'Claimed', 'Running', 'Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost'],
  Pending: ['Claimed', 'Running', 'Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped'],
  Claimed: ['Running', 'Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost'],
  Running: ['Succeeded', 'Failed', 'TimedOut', 'Killed', 'Lost'],
  Failed: ['Pending', 'Killed'],
  TimedOut: ['Pending', 'Killed'],
  Lost: ['Pending', 'Succeeded', 'Failed', 'TimedOut', 'Killed'],
  Succeeded: [],
  Killed: [],
  Skipped: [],
};
