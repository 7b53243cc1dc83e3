/** Maps over items with at most `width` calls under way: a request for much must not take every connection there is. */
export async function mapInTurn<Item, Result>(
  items: readonly Item[],
  width: number,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  await Promise.all(
    Array.from({ length: Math.min(width, items.length) }, async () => {
      for (const [index, item] of queue) results[index] = await map(item);
    }),
  );
  return results;
}
