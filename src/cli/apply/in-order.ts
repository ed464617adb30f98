/** Requests that are under way at once. */
const concurrency = 8;

/** Does some work for each item, several at once, and gives what came of it in the items' order. */
export async function* inOrder<I, R>(
  items: readonly I[],
  work: (item: I) => Promise<R>,
): AsyncGenerator<{ readonly item: I; readonly result: PromiseSettledResult<R> }> {
  const underWay: Promise<PromiseSettledResult<R>>[] = [];
  let next = 0;
  for (const item of items) {
    while (next < items.length && underWay.length < concurrency) underWay.push(settled(work(items[next++] as I)));
    const result = await underWay.shift();
    if (result !== undefined) yield { item, result };
  }
}

async function settled<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([work]);
  return result;
}
