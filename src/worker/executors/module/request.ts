import type { ModuleSources } from '../../modules/catalog.ts';
import type { RunRequest } from '../../modules/protocol.ts';
import type { StartRequest } from '../../supervisor/protocol.ts';

/** What the host is asked for; a sentence when this worker has no such thing. */
export function runRequestOf(request: StartRequest, sources: ModuleSources): RunRequest | string {
  const { module, custom } = request.executor;
  if (module) return asked(request, sources, 'job', module.name, module.input);
  if (custom) return asked(request, sources, 'executor', custom.name, custom.with);
  return 'the job has no module and no custom executor';
}

function asked(
  { job, run, attempt, env, particulars }: StartRequest,
  { base, jobs, executors }: ModuleSources,
  kind: RunRequest['kind'],
  name: string,
  value: unknown,
): RunRequest | string {
  const known = kind === 'job' ? jobs : executors;
  const source = Object.hasOwn(known, name) ? known[name] : undefined;
  if (source === undefined) return `no module of this worker defines the ${kind} ${name}`;
  const tick = env.CRONMESH_TICK;
  const { member, arguments: given } = particulars ?? {};
  return {
    type: 'run',
    base,
    source,
    kind,
    name,
    value,
    job: { namespace: job.namespace, name: job.name },
    run,
    attempt,
    ...(tick !== undefined && { tick }),
    ...(member !== undefined && { shard: { index: member.index, count: member.count } }),
    arguments: given ?? [],
    fencingToken: env.CRONMESH_FENCING_TOKEN ?? '',
  };
}
