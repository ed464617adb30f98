import type { NodeProbe, Probe } from '../history/history.ts';
import { type LabAgentNode, LabWorker } from './agent-node.ts';
import type { LabPostgres } from './postgres.ts';
import type { LabServer } from './server-node.ts';

/** What is not answered by then counts as not answered, in milliseconds. */
const within = 2_000;

export interface Probed {
  readonly servers: readonly LabServer[];
  readonly workers: readonly LabAgentNode[];
  readonly masters: readonly LabAgentNode[];
  readonly postgres: LabPostgres;
}

/** Looks at everything once, at the same time, past all faults of the network between the harness and the nodes. */
export async function probe({ servers, workers, masters, postgres }: Probed): Promise<Probe> {
  const at = Date.now();
  const signal = AbortSignal.timeout(within);
  const nodes = async (all: readonly LabAgentNode[]) =>
    Object.fromEntries(await Promise.all(all.map(async node => [node.name, await probeNode(node, signal)] as const)));
  const [quorum, database, ofWorkers, ofMasters] = await Promise.all([
    anyOf(servers.map(server => server.server.api.writes(signal))),
    postgres.answers(within),
    nodes(workers),
    nodes(masters),
  ]);
  return { at, quorum, database, workers: ofWorkers, masters: ofMasters };
}

async function probeNode(node: LabAgentNode, signal: AbortSignal): Promise<NodeProbe> {
  const { alive } = node.program;
  const clockOffset = node.clockOffset();
  const spool = node instanceof LabWorker ? await node.takesWrites() : undefined;
  return { alive, consul: await node.consul.api.reads(signal), clockOffset, ...(spool !== undefined && { spool }) };
}

/** As soon as one is true; false when none is. */
async function anyOf(answers: readonly Promise<boolean>[]): Promise<boolean> {
  return await Promise.any(
    answers.map(async answer => ((await answer) ? true : Promise.reject(new Error('no')))),
  ).catch(() => false);
}
