/** Values with their AMQP types, as rhea keeps them: what a sender wrote as a long stays a long. */
import type { Typed } from "rhea";
import { AmqpReader, AmqpWriter, types } from "../rhea.js";

export function readTyped(bytes: Buffer): Typed {
  return new AmqpReader(bytes).read();
}

export function writeTyped(...values: readonly Typed[]): Buffer {
  const writer = new AmqpWriter();
  for (const value of values) writer.write(value);
  // rhea's writer hands out a part of a larger buffer, which would be kept as a whole.
  return Buffer.from(writer.toBuffer());
}

/** The pairs of a map; none when there is no map. */
export function pairsOf(map: Typed | null | undefined): [key: string, value: Typed][] {
  if (map === undefined || map === null || !types.is_map(map)) return [];
  const items = map.value as Typed[];
  const pairs: [string, Typed][] = [];
  for (let index = 0; index + 1 < items.length; index += 2) {
    const [key, value] = items.slice(index, index + 2);
    if (key !== undefined && value !== undefined) pairs.push([String(key.value), value]);
  }
  return pairs;
}

/** Pairs one behind the other, to be read by `readPairs`; empty without any. */
export function writePairs(pairs: Iterable<readonly [key: string, value: Typed]>): Buffer {
  return writeTyped(...[...pairs].flatMap(([key, value]) => [types.wrap_string(key), value]));
}

export function readPairs(bytes: Buffer): [key: string, value: Typed][] {
  const reader = new AmqpReader(bytes);
  const pairs: [string, Typed][] = [];
  while (reader.remaining() > 0) pairs.push([String(reader.read().value), reader.read()]);
  return pairs;
}

/** A section of the message whose value is a map (AMQP 1.0, 3.2). */
export function writeMapSection(code: number, pairs: Iterable<readonly [key: Typed, value: Typed]>): Buffer {
  const items = [...pairs].flat();
  const map = (types as unknown as { Map32(items: Typed[]): Typed }).Map32(items);
  return writeTyped(types.described(types.wrap_ulong(code), map) as Typed);
}
