/**
 * Where a JSON text names a field of one object a second time: its offset, or undefined. JSON.parse takes the last in
 * silence, and the first would be lost. The text must be valid JSON.
 *
 * @example duplicateKey('{"a":1,"a":2}') // 7
 */
export function duplicateKey(text: string): number | undefined {
  // The keys of each object that is open; none for a list.
  const open: (Set<string> | undefined)[] = [];
  for (const match of text.matchAll(/("(?:[^"\\]+|\\.)*")(\s*:)?|[{}[\]]/g)) {
    const [token, string = '', colon] = match;
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (colon !== undefined) {
      const key: string = JSON.parse(string);
      const keys = open.at(-1);
      if (keys?.has(key)) return match.index;
      keys?.add(key);
    }
  }
  return undefined;
}
