import { Rest } from '../../support/rest.ts';
import { type Probed, probe } from './probe.ts';

/** What keeps the cluster from being well, in words; nothing when it is. */
export async function whatIsMissing(lab: Probed): Promise<string[]> {
  const [seen, masters, workers] = await Promise.all([
    probe(lab),
    Promise.all(lab.masters.map(async master => ({ name: master.name, ready: await isReady(master.http) }))),
    readyWorkers(lab.masters.map(master => master.http)),
  ]);
  return [
    ...(seen.quorum ? [] : ['Consul has no quorum']),
    ...masters.filter(({ ready }) => !ready).map(({ name }) => `${name} is not ready`),
    ...lab.workers.filter(({ name }) => !workers.has(name)).map(({ name }) => `${name} is not ready in the catalog`),
  ];
}

async function isReady(http: string): Promise<boolean> {
  try {
    return (await fetch(`${http}/readyz`, { signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}

/** The names of those that every master that answers shows as ready. */
async function readyWorkers(masters: readonly string[]): Promise<ReadonlySet<string>> {
  const answers = await Promise.allSettled(
    masters.map(http => new Rest(http).get<{ items: { name: string; ready: boolean }[] }>('/api/v1/workers')),
  );
  const sets = answers
    .filter(answer => answer.status === 'fulfilled')
    .map(({ value }) => new Set(value.items.filter(worker => worker.ready).map(worker => worker.name)));
  return sets.length === 0 ? new Set() : sets.reduce((all, one) => all.intersection(one));
}
