/** A column of `kubectl get cronjobs.cronmesh.io`. Those of priority 1 are shown with `-o wide`. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority: 0 | 1;
}

const ready = '.status.conditions[?(@.type=="Ready")]';

export const columns: readonly Column[] = [
  {
    name: 'Schedule',
    type: 'string',
    jsonPath: '.spec.schedule',
    description: 'When it runs.',
    priority: 0,
  },
  {
    name: 'Time zone',
    type: 'string',
    jsonPath: '.spec.timeZone',
    description: 'The zone of the schedule; UTC where it is empty and the schedule names none.',
    priority: 0,
  },
  { name: 'Suspend', type: 'boolean', jsonPath: '.spec.suspend', description: 'Whether it is suspended.', priority: 0 },
  {
    name: 'Active',
    type: 'integer',
    jsonPath: '.status.active',
    description: 'Runs that are going, or wait to.',
    priority: 0,
  },
  {
    name: 'Last',
    type: 'date',
    jsonPath: '.status.lastScheduleTime',
    description: 'How long ago its last tick was.',
    priority: 0,
  },
  {
    // Not `date`: of an instant to come kubectl prints `<invalid>`.
    name: 'Next',
    type: 'string',
    jsonPath: '.status.nextScheduleTime',
    description: 'Its next tick, in UTC.',
    priority: 0,
  },
  {
    name: 'Ready',
    type: 'string',
    jsonPath: `${ready}.status`,
    description: 'Whether it is scheduled.',
    priority: 0,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Its age.', priority: 0 },
  {
    name: 'Last result',
    type: 'string',
    jsonPath: '.status.lastRun.state',
    description: 'The state of its last run.',
    priority: 1,
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: `${ready}.reason`,
    description: 'Why it is ready or not, in a word.',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    jsonPath: `${ready}.message`,
    description: 'What is wrong and what to do.',
    priority: 1,
  },
];
