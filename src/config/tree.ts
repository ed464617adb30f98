/** Settings as they are written: sections within sections. */
export type Tree = { [key: string]: unknown };

/** Sets what a path names; sections on the way are copied, never changed. */
export function setPath(tree: Tree, path: readonly string[], value: unknown): void {
  const name = path.at(-1) ?? '';
  let here = tree;
  for (const section of path.slice(0, -1)) {
    const group = here[section];
    const copy: Tree = { ...(typeof group === 'object' && group !== null ? group : {}) };
    here[section] = copy;
    here = copy;
  }
  here[name] = value;
}
