import { CoordinationError, type Entry, type Operation, type TransactionResult } from '../coordinator.ts';

/** An entry as Consul gives it: in transactions its value is in base64, `kv.get` has decoded it. */
export interface RawEntry {
  readonly Key: string;
  readonly Value: string | null;
  readonly ModifyIndex: number;
  readonly LockIndex: number;
  readonly Session?: string;
}

export function toEntry(raw: RawEntry, value: string): Entry {
  const { Key: key, ModifyIndex: index, LockIndex: lockIndex } = raw;
  return { key, value, index, lockIndex, ...(raw.Session !== undefined && { session: raw.Session }) };
}

/** The package sends values as they are, so they are put into base64 here. */
export function encodeOperations(operations: readonly Operation[]): unknown[] {
  return operations.map(operation => ({
    KV: {
      Verb: operation.verb,
      Key: operation.key,
      ...('value' in operation && { Value: Buffer.from(operation.value).toString('base64') }),
      ...('index' in operation && { Index: operation.index }),
      ...('session' in operation && { Session: operation.session }),
    },
  }));
}

export function isReadOnly(operations: readonly Operation[]): boolean {
  return operations.every(({ verb }) => verb.startsWith('get') || verb.startsWith('check'));
}

/** These leave nothing in Consul's list of results, which therefore is shorter than the list of operations. */
const withoutResult: ReadonlySet<Operation['verb']> = new Set(['delete', 'delete-cas', 'check-not-exists']);

/** Brings results back to the place of their operations. @throws CoordinationError when the answer does not fit */
export function decodeResults(operations: readonly Operation[], body: unknown): TransactionResult {
  const results = (body as { Results?: readonly { readonly KV?: RawEntry }[] }).Results ?? [];
  let next = 0;
  const entries = operations.map(({ verb }) => {
    if (withoutResult.has(verb)) return undefined;
    const raw = results[next++]?.KV;
    if (raw === undefined) throw new CoordinationError('transaction: the answer lacks results', 'unknown');
    if (verb.startsWith('check')) return undefined;
    // A key that is not there comes as an empty entry.
    if (verb === 'get-or-empty' && raw.ModifyIndex === 0) return undefined;
    return toEntry(raw, raw.Value === null ? '' : Buffer.from(raw.Value, 'base64').toString());
  });
  if (next !== results.length) throw new CoordinationError('transaction: the answer has too many results', 'unknown');
  return { ok: true, entries };
}

/** The body of a 409. Undefined when it is none that Consul writes. */
export function decodeFailures(body: unknown): TransactionResult | undefined {
  const errors = (body as { Errors?: readonly { readonly OpIndex: number; readonly What: string }[] }).Errors;
  if (!Array.isArray(errors) || errors.length === 0) return undefined;
  return { ok: false, failures: errors.map(({ OpIndex, What }) => ({ operation: OpIndex, message: What })) };
}
