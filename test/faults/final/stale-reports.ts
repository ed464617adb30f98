import { randomUUID } from 'node:crypto';
import type { JobUid } from '../../../src/domain/job/job.ts';
import type { Report, RunReference } from '../../../src/domain/run/report.ts';
import type { Outcome, RunId, TriggerKind, WorkerId } from '../../../src/domain/run/run.ts';
import { grpcTransport } from '../../../src/worker/reporting/grpc-transport.ts';
import type { Final } from '../history/history.ts';
import type { Lab } from '../lab/lab.ts';

/** So many ended runs are told of again, wrongly. */
const victims = 3;
/** Where masters take reports. */
const port = 9090;

interface Row {
  readonly id: string;
  readonly job_uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly trigger: string;
  readonly tick: string | null;
  readonly state: string;
  readonly attempt: number;
  readonly token: string;
  readonly started: string;
}

/**
 * Tells the masters, as a worker of long ago would, what is not true of runs that have ended: a claim with an older
 * fencing token, an end of an earlier attempt, another end of the same. None of it may change a row.
 */
export async function sendStaleReports(lab: Lab): Promise<Final['staleReports']> {
  const rows = await lab.postgres.query<Row>(
    `SELECT id, job_uid, namespace, name, trigger, tick::text, state, attempt, fencing_token::text AS token, started_at::text AS started
     FROM run WHERE state IN ('Succeeded', 'Failed', 'TimedOut', 'Killed') AND started_at IS NOT NULL AND fencing_token IS NOT NULL
     AND retry IS DISTINCT FROM 'Waiting' ORDER BY attempt DESC, due_at DESC, id LIMIT ${victims}`,
  );
  const told: { run: string; sent: string; changed: boolean }[] = [];
  for (const [index, row] of rows.entries()) {
    const master = lab.masters[index % lab.masters.length];
    if (master === undefined) throw new Error('the lab has no master');
    for (const { sent, reports } of lies(row)) {
      const before = await content(lab, row.id);
      await deliver(`${master.address}:${port}`, reports);
      told.push({ run: row.id, sent, changed: (await content(lab, row.id)) !== before });
    }
  }
  return told;
}

/** Everything of a run but when its row was last written, which is no fact about it. */
async function content(lab: Lab, id: string): Promise<string> {
  const [row] = await lab.postgres.query<Record<string, unknown>>('SELECT * FROM run WHERE id = $1', [id]);
  return JSON.stringify({ ...row, reported_at: undefined }, (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

function lies(row: Row): { sent: string; reports: Report[] }[] {
  const reference: RunReference = {
    run: row.id as RunId,
    attempt: row.attempt,
    jobUid: row.job_uid as JobUid,
    namespace: row.namespace,
    name: row.name,
    trigger: row.trigger as TriggerKind,
    ...(row.tick !== null && { tick: Number(row.tick) }),
  };
  const at = Number(row.started) - 1;
  const outcome: Outcome = row.state === 'Succeeded' ? 'Failed' : 'Succeeded';
  const older = String(BigInt(row.token) - 1n);
  const end = { type: 'finished', at, outcome, message: 'a stale report' } as const;
  return [
    {
      sent: `a claim with the older fencing token ${older}, and its end ${outcome}`,
      reports: [
        { ...reference, type: 'claimed', at, fencingToken: older, revision: 1 },
        { ...reference, ...end },
      ],
    },
    {
      sent: `the end ${outcome} of the earlier attempt ${row.attempt - 1}`,
      reports: [{ ...reference, ...end, attempt: row.attempt - 1 }],
    },
    { sent: `another end of the same attempt: ${outcome}`, reports: [{ ...reference, ...end }] },
  ];
}

async function deliver(target: string, reports: readonly Report[]): Promise<void> {
  const transport = grpcTransport({ target });
  try {
    const worker = 'worker-of-long-ago' as WorkerId;
    await transport.deliver({ worker, spool: randomUUID(), first: 1, reports }, AbortSignal.timeout(20_000));
  } finally {
    await transport.close();
  }
}
