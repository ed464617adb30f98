import type { Prisma, PrismaClient } from './client/client.ts';

/** Inside a transaction. Nothing else may be asked of the database until it ends: PGlite has one connection, and a query outside would wait for the transaction, which waits for the query. */
export type Transaction = Prisma.TransactionClient;

/** What the migrations need, that Prisma Client does not do: several statements in one string. */
export interface ScriptConnection {
  /** Runs any number of statements. */
  script(sql: string): Promise<void>;
  query<Row>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

/** One of the two engines, connected. */
export interface Database {
  readonly engine: 'postgres' | 'pglite';
  readonly prisma: PrismaClient;
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** As `transaction`, for scripts; waits for locks as long as it takes. */
  scripted<T>(work: (connection: ScriptConnection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
