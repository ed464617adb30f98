/** Deeper than any manifest: a deeper document is nonsense, and recursion on it would overflow the stack. */
export const maxDepth = 64;

/**
 * The most values and characters that a document may come to once its aliases are followed: more than any body, file or
 * resource that is read, so only a few aliases of aliases (a "billion laughs") reach it.
 */
export const maxExtent = 2 * 1024 * 1024;

/**
 * Why a parsed document is too deep or too large to be looked at further; undefined when it is not. It stops as soon as
 * it knows, so it costs no more than a document of the allowed size, whatever aliases make of it, and ends on a cycle.
 *
 * @example extentProblem([[1]]) // undefined
 */
export function extentProblem(document: unknown): string | undefined {
  let extent = 0;
  const look = (value: unknown, depth: number): string | undefined => {
    extent += typeof value === 'string' ? value.length + 1 : 1;
    if (extent > maxExtent) return `comes to more than ${maxExtent} values and characters, aliases followed`;
    if (typeof value !== 'object' || value === null) return undefined;
    if (depth >= maxDepth) return `is nested more than ${maxDepth} levels deep`;
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      extent += Array.isArray(value) ? 0 : key.length;
      const problem = look((value as Record<string, unknown>)[key], depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  return look(document, 0);
}
