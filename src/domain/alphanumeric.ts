const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** One character of [a-z0-9] for each random byte: for ids that stand in URLs, keys and names. */
export function alphanumeric(randomBytes: Uint8Array): string {
  return Array.from(randomBytes, byte => alphabet[byte % 36]).join('');
}
