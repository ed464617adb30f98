/** A value that a run refers to cannot be had. The message names the reference, never a value. */
export class UnreadableReferenceError extends Error {
  override readonly name = 'UnreadableReferenceError';
}
