import { createHash } from 'node:crypto';

/** Something that a module defines. */
export interface CatalogEntry {
  readonly name: string;
  readonly description?: string;
  /** Of its input or settings, as JSON Schema; absent where there is none, or where it can't be put so. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** What to import: a file's URL, or a package behind `packageScheme`. */
  readonly source: string;
}

/** What the modules of a worker define. */
export interface ModuleCatalog {
  readonly jobs: readonly CatalogEntry[];
  readonly executors: readonly CatalogEntry[];
}

/** What the supervisor needs to run something of a module. */
export interface ModuleSources {
  /** The folder from which packages are found. */
  readonly base: string;
  /** What to import, by name. */
  readonly jobs: Readonly<Record<string, string>>;
  readonly executors: Readonly<Record<string, string>>;
}

/** What the masters read in Consul. */
export interface PublishedCatalog {
  /** Of `value`: its key. */
  readonly hash: string;
  readonly value: string;
}

/** A value in Consul has 512 KiB; schemas that do not fit are left out, and inputs are then checked at the run alone. */
const mostBytes = 256 * 1024;

export function sourcesOf({ jobs, executors }: ModuleCatalog, base: string): ModuleSources {
  const byName = (entries: readonly CatalogEntry[]) => Object.fromEntries(entries.map(one => [one.name, one.source]));
  return { base, jobs: byName(jobs), executors: byName(executors) };
}

/** The catalog without what is the worker's own; undefined when it is empty. */
export function publishedCatalog({ jobs, executors }: ModuleCatalog): PublishedCatalog | undefined {
  if (jobs.length + executors.length === 0) return undefined;
  let room = mostBytes;
  const told = (entries: readonly CatalogEntry[]) =>
    entries.map(({ source: _, schema, ...rest }) => {
      room -= Buffer.byteLength(JSON.stringify({ ...rest, schema }));
      return room < 0 || schema === undefined ? { name: rest.name } : { ...rest, schema };
    });
  const value = JSON.stringify({ v: 1, jobs: told(jobs), executors: told(executors) });
  return { hash: createHash('sha256').update(value).digest('hex').slice(0, 32), value };
}
