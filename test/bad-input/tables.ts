import type { z } from 'zod';
import { calendarManifest } from '../../src/domain/calendar/spec.ts';
import { validateCalendar } from '../../src/domain/calendar/validate.ts';
import { manifest } from '../../src/domain/job/spec.ts';
import { validateManifest } from '../../src/domain/job/validate.ts';
import type { Row } from './row.ts';
import { calendarManifestRows } from './rows/calendar-manifests.ts';
import { rows as jobRows } from './rows.ts';

/** Wrong manifests of one kind, and where they are refused. */
export interface Table {
  readonly kind: string;
  readonly rows: readonly Row[];
  /** Each of its refusals has its row. */
  readonly schema: z.ZodType;
  readonly validate: (manifest: unknown) => unknown;
  /** Where REST takes them. */
  readonly path: string;
  /** What that address says, so that it is never missing. */
  readonly filled: readonly string[];
}

export const tables: readonly Table[] = [
  {
    kind: 'job',
    rows: jobRows,
    schema: manifest,
    validate: one => validateManifest(one),
    path: '/api/v1/jobs',
    filled: [],
  },
  {
    kind: 'calendar',
    rows: calendarManifestRows,
    schema: calendarManifest,
    validate: one => validateCalendar(one, { expect: { namespace: 'default' } }),
    path: '/api/v1/namespaces/default/calendars',
    filled: ['metadata'],
  },
];
