import type { Row } from './row.ts';
import { afterRunRows } from './rows/after-run.ts';
import { calendarsRows } from './rows/calendars.ts';
import { chainsRows } from './rows/chains.ts';
import { documentRows } from './rows/document.ts';
import { httpRows } from './rows/http.ts';
import { kubernetesRows } from './rows/kubernetes.ts';
import { modulesRows } from './rows/modules.ts';
import { placementRows } from './rows/placement.ts';
import { retryRows } from './rows/retry.ts';
import { runsRows } from './rows/runs.ts';
import { scheduleRows } from './rows/schedule.ts';
import { secretsRows } from './rows/secrets.ts';
import { shellRows } from './rows/shell.ts';

/** Every wrong manifest. Each field and each rule of the schema has its rows: `schema.test.ts` says what is missing. */
export const rows: readonly Row[] = [
  ...documentRows,
  ...scheduleRows,
  ...calendarsRows,
  ...runsRows,
  ...chainsRows,
  ...retryRows,
  ...placementRows,
  ...shellRows,
  ...httpRows,
  ...kubernetesRows,
  ...modulesRows,
  ...secretsRows,
  ...afterRunRows,
];
