import pg from 'pg';
import type { Report } from '../src/domain/run/report.ts';
import type { WorkerId } from '../src/domain/run/run.ts';
import { openPostgresStore } from '../src/store/prisma/postgres.ts';
import type { Store } from '../src/store/store.ts';
import { claimed, finished, newUid, output, referenceOf, start, started } from '../test/conformance/store/fixtures.ts';
import { postgresSkip, startPostgres } from '../test/support/postgres.ts';
import type { Figure } from './figure.ts';

/**
 * Reports into PostgreSQL through the store, against a bare client that inserts the same rows in batches of the same
 * size into the same tables: one statement for the runs and one for their output, in a transaction. Both sides take
 * turns on one server.
 */

const runsInBatch = 250;
const batchesInRound = 20;
const rounds = 5;
const worker = 'worker-1-bench' as WorkerId;

export async function benchStore(): Promise<Figure[]> {
  const skip = postgresSkip();
  if (skip) {
    process.stderr.write(`  not measured: ${skip}\n`);
    return [];
  }
  const server = await startPostgres();
  const store = await openPostgresStore({ url: server.url });
  const client = new pg.Client({ connectionString: server.url });
  try {
    await store.migrate();
    await client.connect();
    return [await compare(store, client)];
  } finally {
    await client.end();
    await store.close();
    await server.stop();
  }
}

async function compare(store: Store, client: pg.Client): Promise<Figure> {
  const throughStore = (batch: readonly Report[][]) => store.applyReports(worker, batch.flat(), start);
  const throughClient = (batch: readonly Report[][]) => insertBare(client, batch);
  await rate(throughStore);
  await rate(throughClient);
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(await rate(throughStore));
    bare.push(await rate(throughClient));
  }
  const [our, their] = [median(ours), median(bare)];
  return {
    name: 'finished runs into PostgreSQL',
    ratio: our / their,
    unit: '× a bare client’s inserts',
    detail: `${Math.round(our)} runs/s (${Math.round(our * 4)} reports/s) against ${Math.round(their)} runs/s, batches of ${runsInBatch * 4} reports, one connection each`,
  };
}

/** Runs a second of one round. */
async function rate(apply: (batch: readonly Report[][]) => Promise<void>): Promise<number> {
  const batches = Array.from({ length: batchesInRound }, () => Array.from({ length: runsInBatch }, wholeRun));
  const begin = performance.now();
  for (const batch of batches) await apply(batch);
  return (batchesInRound * runsInBatch * 1_000) / (performance.now() - begin);
}

function wholeRun(): Report[] {
  const about = referenceOf({ jobUid: newUid(), name: 'bench' });
  return [claimed(about), started(about), output(about, 0, `${'done '.repeat(20)}\n`), finished(about)];
}

const runColumns = {
  id: 'text',
  job_uid: 'text',
  namespace: 'text',
  name: 'text',
  trigger: 'text',
  tick: 'bigint',
  due_at: 'bigint',
  state: 'text',
  attempt: 'int',
  revision: 'int',
  worker: 'text',
  fencing_token: 'bigint',
  requested_at: 'bigint',
  claimed_at: 'bigint',
  started_at: 'bigint',
  finished_at: 'bigint',
  reported_at: 'bigint',
  exit_code: 'int',
};
const lineColumns = { run: 'text', attempt: 'int', sequence: 'int', stream: 'text', at: 'bigint', text: 'text' };

/** The least that stores the same: arrays of columns, no look at what is there. */
async function insertBare(client: pg.Client, batch: readonly Report[][]): Promise<void> {
  const runs: unknown[][] = [];
  const lines: unknown[][] = [];
  for (const [claim, begin, line, end] of batch) {
    if (claim?.type !== 'claimed' || begin?.type !== 'started' || line?.type !== 'output' || end?.type !== 'finished') {
      continue;
    }
    const { run, jobUid, namespace, name, trigger, tick, attempt } = claim;
    runs.push(
      [run, jobUid, namespace, name, trigger, tick, tick, end.outcome, attempt, claim.revision, worker].concat(
        [claim.fencingToken, tick, claim.at, begin.at, end.at, start, end.exitCode].map(String),
      ),
    );
    lines.push([run, attempt, line.sequence, line.stream, line.at, line.text]);
  }
  await client.query('BEGIN');
  await insert(client, 'run', runColumns, runs);
  await insert(client, 'run_log', lineColumns, lines);
  await client.query('COMMIT');
}

async function insert(
  client: pg.Client,
  table: string,
  columns: Readonly<Record<string, string>>,
  rows: readonly unknown[][],
): Promise<void> {
  const types = Object.values(columns);
  const arrays = types.map((type, i) => `$${i + 1}::${type}[]`);
  const values = types.map((_, i) => rows.map(row => row[i]));
  const names = Object.keys(columns).join(', ');
  await client.query(`INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays.join(', ')})`, values);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
