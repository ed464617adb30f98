import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

/** Keys in Consul by their kind: `cron/lock` → 3. */
export async function keyCounts(consul: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const key of await keysOf(consul)) {
    const kind = key.split('/').slice(0, 2).join('/');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

export async function keysOf(consul: string): Promise<readonly string[]> {
  const answer = await fetch(`${consul}/v1/kv/cron/?keys`);
  if (answer.status === 404) return [];
  if (!answer.ok) throw new Error(`Consul: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as string[];
}

/** Sessions, and services in the catalog. */
export async function catalogCounts(consul: string): Promise<Record<string, number>> {
  const sessions = (await (await fetch(`${consul}/v1/session/list`)).json()) as unknown[];
  const services = (await (await fetch(`${consul}/v1/agent/services`)).json()) as Record<string, unknown>;
  return { sessions: sessions.length, services: Object.keys(services).length };
}

/** Rows and bytes (indexes and TOAST included) of each table, and connections to the database. */
export async function tableSizes(url: string): Promise<Record<string, { rows: number; bytes: number }>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; bytes: string }>(
      `SELECT relname AS name, pg_total_relation_size(oid)::text AS bytes FROM pg_class
       WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`,
    );
    const sizes: Record<string, { rows: number; bytes: number }> = {};
    for (const { name, bytes } of rows) {
      const counted = await client.query<{ count: string }>(`SELECT count(*) FROM ${client.escapeIdentifier(name)}`);
      sizes[name] = { rows: Number(counted.rows[0]?.count), bytes: Number(bytes) };
    }
    return sizes;
  } finally {
    await client.end();
  }
}

/** Files below a folder and what they take. */
export function filesBelow(folder: string): { files: number; bytes: number } {
  const total = { files: 0, bytes: 0 };
  if (!existsSync(folder)) return total;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    total.files++;
    // Gone between the list and the look: it is none.
    total.bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return total;
}
