/** Chance that can be had again: a test prints its seed, and takes it back from SEED. */

export interface Random {
  readonly seed: number;
  /** At least 0, below 1. */
  next(): number;
  /** One of them. */
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
}

/** mulberry32: 32 bits of state, enough to choose what to kill. */
export function seededRandom(seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32))): Random {
  console.info(`SEED=${String(seed)}`);
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, next, pick: (items) => items[Math.floor(next() * items.length)] ?? items[0] };
}
