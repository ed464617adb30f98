import { CoordinationError, maxOperations, maxValueBytes, type Operation } from './coordinator.ts';

/** JSON around one operation in Consul's request, its verb, index and session included: measured 60 to 130 bytes. */
const bytesPerOperation = 140;

/**
 * How large a transaction is as Consul counts it, in bytes: its limit is on the request's body, so values weigh a
 * third more (base64) and keys count too. Never less than what is really sent.
 */
export function transactionBytes(operations: readonly Operation[]): number {
  let bytes = 2;
  for (const operation of operations) {
    bytes += bytesPerOperation + Buffer.byteLength(operation.key);
    if ('value' in operation) bytes += Math.ceil(Buffer.byteLength(operation.value) / 3) * 4;
  }
  return bytes;
}

/** Refuses what Consul would refuse, before it is sent. @throws CoordinationError refused, status 413 (too large) or 400 (empty) */
export function checkLimits(operations: readonly Operation[]): void {
  if (operations.length === 0)
    throw new CoordinationError('a transaction needs at least one operation', 'refused', 400);
  if (operations.length > maxOperations) {
    throw new CoordinationError(
      `a transaction of ${operations.length} operations is too large: at most ${maxOperations}; send it in parts`,
      'refused',
      413,
    );
  }
  const bytes = transactionBytes(operations);
  if (bytes > maxValueBytes) {
    throw new CoordinationError(
      `a transaction of ${bytes} bytes is too large: at most ${maxValueBytes} with values in base64; send it in parts`,
      'refused',
      413,
    );
  }
}
