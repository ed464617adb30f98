import { prefix } from '../../../src/coordination/keys.ts';
import { ask, type Page, type RunView, read } from '../driver/rest.ts';
import type { Final, FinalRun, FinalSkip, FinalView, Start } from '../history/history.ts';
import type { AgentNode, Lab } from '../lab/lab.ts';
import { sendStaleReports } from './stale-reports.ts';

/** Requests under way at once, to each master. */
const lanes = 8;
const patience = 20_000;

/** What the product says when all is over: by each master, by the database itself, and what is left in Consul. */
export async function readFinal(lab: Lab, starts: readonly Start[]): Promise<Final> {
  const staleReports = await sendStaleReports(lab);
  const skips = await storedSkips(lab);
  const masters: Record<string, FinalView> = {};
  for (const [index, master] of lab.masters.entries()) {
    // Each log once, by one master or the other: it is by far the most of what is read.
    const own = [...new Set(starts.map(({ run }) => run))].filter((_, i) => i % lab.masters.length === index);
    masters[master.name] = await readView(master, own, skips);
  }
  const rows = await lab.postgres.query<{ id: string; state: string; attempt: number; token: string | null }>(
    'SELECT id, state, attempt, fencing_token::text AS token FROM run',
  );
  return {
    masters,
    rows: rows.map(({ id, state, attempt, token }) => ({ id, state, attempt, ...(token !== null && { token }) })),
    staleReports,
    consul: {
      locks: await keysBelow(lab, prefix.lock),
      triggers: await keysBelow(lab, prefix.trigger),
      killers: await keysBelow(lab, prefix.killer),
    },
  };
}

/** How many runs have not ended, by the database, or wait in Consul. */
export async function openRuns(lab: Lab): Promise<number> {
  const [row] = await lab.postgres.query<{ count: string }>(
    "SELECT count(*) FROM run WHERE state IN ('Pending', 'Claimed', 'Running')",
  );
  return Number(row?.count ?? 0) + (await keysBelow(lab, prefix.trigger)).length;
}

async function keysBelow(lab: Lab, below: string): Promise<string[]> {
  return (await lab.askConsul<string[]>(`/v1/kv/${below}?keys&consistent`)) ?? [];
}

interface SkipView extends Omit<FinalSkip, 'uid' | 'from' | 'to'> {
  readonly from: string;
  readonly to: string;
}

/** All skips by SQL: of jobs with the same name REST does not say whose one is, and of deleted jobs it says nothing. */
type StoredSkips = ReadonlyMap<string, FinalSkip>;
const skipKey = (job: string, from: number, to: number, reason: string): string => [job, from, to, reason].join(' ');

async function storedSkips(lab: Lab): Promise<StoredSkips> {
  type Row = Omit<FinalSkip, 'from' | 'to'> & { readonly from: string; readonly to: string };
  const rows = await lab.postgres.query<Row>(
    `SELECT job_uid AS uid, namespace, name, first_tick::text AS from, last_tick::text AS to, count, reason, detail FROM skip`,
  );
  const skips = rows.map((row): FinalSkip => ({ ...row, from: Number(row.from), to: Number(row.to) }));
  return new Map(skips.map(skip => [skipKey(`${skip.namespace}/${skip.name}`, skip.from, skip.to, skip.reason), skip]));
}

async function readView({ http }: AgentNode, begun: readonly string[], stored: StoredSkips): Promise<FinalView> {
  const runs: FinalRun[] = [];
  let cursor: string | undefined;
  do {
    const from = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<RunView> = await read(http, `/api/v1/runs?limit=500${from}`, patience);
    runs.push(...page.items.map(finalRun));
    cursor = page.next;
  } while (cursor !== undefined);
  const jobs = new Set([...runs, ...stored.values()].map(({ namespace, name }) => `${namespace}/${name}`));
  const skips: FinalSkip[] = [];
  await inLanes([...jobs], async job => void skips.push(...(await readSkips(http, job, stored))));
  const logs: Record<string, readonly string[]> = {};
  await inLanes(begun, async run => {
    const lines = await readLog(http, run);
    if (lines !== undefined) logs[run] = lines;
  });
  return { runs, skips, logs };
}

function finalRun(run: RunView): FinalRun {
  const { id, namespace, name, jobUid: uid, trigger, attempt, state, reason, message, worker, exitCode } = run;
  const instants = { tick: run.tick, startedAt: run.startedAt, finishedAt: run.finishedAt };
  const given = { reason, message, worker, exitCode };
  const parsed = Object.entries(instants).flatMap(([key, at]) => (at === undefined ? [] : [[key, Date.parse(at)]]));
  const there = Object.entries(given).filter(([, value]) => value !== undefined);
  return { id, namespace, name, uid, trigger, attempt, state, ...Object.fromEntries([...there, ...parsed]) };
}

/** Newest first, 500 at a time: the next ones end at or before the oldest so far. */
async function readSkips(http: string, job: string, stored: StoredSkips): Promise<FinalSkip[]> {
  const [namespace = '', name = ''] = job.split('/');
  const found = new Map<string, FinalSkip>();
  let until = '';
  for (;;) {
    const path = `/api/v1/namespaces/${namespace}/jobs/${name}/skips?limit=500${until}`;
    const { status, body } = await ask(http, 'GET', path, undefined, patience);
    if (status === 404) return [...stored.values()].filter(skip => `${skip.namespace}/${skip.name}` === job);
    if (status !== 200) throw new Error(`GET ${http}${path}: status ${status}`);
    const { items } = body as Page<SkipView>;
    const before = found.size;
    for (const { from, to, ...rest } of items) {
      const key = skipKey(job, Date.parse(from), Date.parse(to), rest.reason);
      found.set(key, { ...rest, uid: stored.get(key)?.uid ?? '', from: Date.parse(from), to: Date.parse(to) });
    }
    const last = items.at(-1);
    if (items.length < 500 || last === undefined || found.size === before) return [...found.values()];
    until = `&until=${encodeURIComponent(new Date(Date.parse(last.to) + 1_000).toISOString())}`;
  }
}

async function readLog(http: string, run: string): Promise<string[] | undefined> {
  const response = await fetch(`${http}/api/v1/runs/${run}/logs`, { signal: AbortSignal.timeout(patience) });
  const text = await response.text();
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw new Error(`the log of ${run}: status ${response.status}`);
  return text.split('\n').filter(line => line !== '');
}

async function inLanes<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const lane = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await act(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
