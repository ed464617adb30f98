import { CronmeshError } from '../../../domain/errors.ts';
import { jobName, namespaceName } from '../../../domain/job/spec/names.ts';
import type { BackfillId, RunId } from '../../../domain/run/run.ts';
import type { JobRef } from '../../services/jobs.ts';

/** A job's place from an address. What cannot be a name is not looked for. @throws CronmeshError NotFound */
export function jobRef(params: { readonly namespace: string; readonly name: string }): JobRef {
  const { namespace, name } = params;
  if (namespaceName.safeParse(namespace).success && jobName.safeParse(name).success) return { namespace, name };
  throw new CronmeshError('NotFound', `there is no job ${JSON.stringify(`${namespace}/${name}`.slice(0, 200))}`);
}

/** @throws CronmeshError NotFound */
export function runRef(id: string): RunId {
  if (/^[a-z0-9-]{1,64}$/.test(id)) return id as RunId;
  throw new CronmeshError('NotFound', `there is no run ${JSON.stringify(id.slice(0, 200))}`);
}

/** @throws CronmeshError NotFound */
export function backfillRef(id: string): BackfillId {
  if (/^[a-z0-9]{1,40}-b-[a-z0-9]{1,16}$/.test(id)) return id as BackfillId;
  throw new CronmeshError('NotFound', `there is no backfill ${JSON.stringify(id.slice(0, 200))}`);
}
