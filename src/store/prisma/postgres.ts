import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Store } from '../store.ts';
import { PrismaClient } from './client/client.ts';
import type { Database } from './database.ts';
import { createStore, type StoreOptions } from './prisma-store.ts';

export interface PostgresOptions extends StoreOptions {
  /** `postgresql://user:password@host:port/database`, with the parameters that node-postgres knows. */
  readonly url: string;
  /** Most connections at once, 1 to 100. Default 10. */
  readonly poolSize?: number;
  /** PEM of the CA by which the server is trusted, and known by its name; read at each connection. */
  readonly caFile?: string;
  /** Longest wait for a connection, in milliseconds. Default 5,000: the driver's own is to wait for ever. */
  readonly connectTimeout?: Milliseconds;
  readonly logger?: Logger;
}

/** No statement of the store takes longer; a server that has fallen silent is given up a little later. */
const statementTimeout = 30_000;
const silenceTimeout = 35_000;
/** A master that was stopped inside a transaction holds rows that the next leader needs: the server ends it. */
const idleInTransactionTimeout = 10_000;

/**
 * Connects to PostgreSQL 14 or newer. Call `migrate()` before anything else. Connections are made when needed and
 * made again when they break, so this resolves without the server; `ping()` tells whether it is there.
 *
 * @example const store = await openPostgresStore({ url: 'postgresql://cronmesh@localhost/cronmesh' });
 */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const { url, poolSize = 10, caFile, connectTimeout = 5_000, logger, archive } = options;
  const connection: pg.ClientConfig = {
    connectionString: caFile === undefined ? url : verified(url, caFile),
    connectionTimeoutMillis: connectTimeout,
    application_name: 'cronmesh',
    keepAlive: true,
  };
  const pool = new pg.Pool({
    ...connection,
    max: poolSize,
    idleTimeoutMillis: 60_000,
    statement_timeout: statementTimeout,
    query_timeout: silenceTimeout,
    idle_in_transaction_session_timeout: idleInTransactionTimeout,
  });
  // An idle connection that breaks is replaced by the pool; without a listener its error would end the process.
  const broken = (error: Error) => logger?.warn({ component: 'store', err: error }, 'a database connection broke');
  const adapter = new PrismaPg(pool, { disposeExternalPool: true, onPoolError: broken, onConnectionError: broken });
  pool.on('error', broken);
  const database = postgresDatabase(new PrismaClient({ adapter }), connection, connectTimeout, broken, pool);
  return createStore(database, { archive });
}

/** The driver reads the file, and checks chain and name; what the URL says of TLS itself is weaker. */
function verified(url: string, caFile: string): string {
  const parsed = new URL(url);
  parsed.searchParams.set('sslmode', 'verify-full');
  parsed.searchParams.set('sslrootcert', caFile);
  return parsed.href;
}

function postgresDatabase(
  prisma: PrismaClient,
  connection: pg.ClientConfig,
  maxWait: Milliseconds,
  broken: (error: Error) => void,
  pool: pg.Pool,
): Database {
  return {
    engine: 'postgres',
    prisma,
    transaction: work => prisma.$transaction(work, { maxWait, timeout: statementTimeout }),
    scripted: async work => {
      // A connection of its own, without the pool's time limits: migrations wait for each other and may take long.
      const client = new pg.Client(connection);
      client.on('error', broken);
      await client.connect();
      try {
        await client.query('BEGIN');
        const result = await work({
          script: async sql => {
            await client.query(sql);
          },
          query: async <Row>(sql: string, values: readonly unknown[] = []) =>
            (await client.query(sql, [...values])).rows as Row[],
        });
        await client.query('COMMIT');
        return result;
      } finally {
        // Without COMMIT, the end of the connection rolls back.
        await client.end();
      }
    },
    close: async () => {
      await prisma.$disconnect();
      // Disconnecting ends the pool only when a query has been made.
      if (!pool.ended) await pool.end();
    },
  };
}
