/**
 * A stable number from 0 to `span - 1` for a key and the field that it is for: FNV-1a, then murmur3's finalizer, since
 * FNV alone leaves the low bits of similar names alike. Never to be changed: jobs would move.
 */
export function hashBelow(span: number, field: string, key: string): number {
  const text = `${field}\n${key}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % span;
}
