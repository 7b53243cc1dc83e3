/** What a query finds by its range is what Azurite's own filter finds in all entities. */
import { createRequire } from "node:module";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { azuriteModules, type Entity } from "../../../local/storage/tables/azurite-tables.js";
import { EntityTable } from "../../../local/storage/tables/entity-table.js";
import { rangeOf } from "../../../local/storage/tables/key-range.js";

const { filterOf, parseFilter } = azuriteModules(createRequire(import.meta.url).resolve("azurite/dist/src/azurite.js"));

const aKey = fc.constantFrom("", "a", "aa", "ab", "b", "B", "1", "01", "10", "é", "\u{1f600}", "it's");
const anEntity = fc.record({ PartitionKey: aKey, RowKey: aKey, n: fc.integer({ min: 0, max: 3 }) });
const anOperator = fc.constantFrom("eq", "ne", "ge", "gt", "le", "lt");
const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const aComparison = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom("PartitionKey", "RowKey"), anOperator, aKey.map(quoted)) },
  { weight: 1, arbitrary: fc.tuple(aKey.map(quoted), anOperator, fc.constantFrom("PartitionKey", "RowKey")) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("n"), anOperator, fc.constantFrom("0", "1", "2")) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("RowKey"), anOperator, fc.constantFrom("1", "true")) },
);
const aFilter = fc.letrec<{ filter: string; joined: string; not: string; comparison: string }>((tie) => ({
  comparison: aComparison.map((words) => words.join(" ")),
  joined: fc
    .tuple(tie("filter"), fc.constantFrom("and", "and", "and", "or"), tie("filter"))
    .map(([left, word, right]) => `(${left}) ${word} (${right})`),
  not: tie("filter").map((filter) => `not (${filter})`),
  filter: fc.oneof(
    { maxDepth: 3, depthSize: "medium" },
    { weight: 3, arbitrary: tie("comparison") },
    { weight: 3, arbitrary: tie("joined") },
    { weight: 1, arbitrary: tie("not") },
  ),
})).filter;

const ordered = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

test("for any filter, from any continuation, while entities come and go", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anEntity, fc.boolean()), { maxLength: 60 }),
      aFilter,
      fc.option(fc.record({ partition: aKey, row: aKey }), { nil: undefined }),
      (changes, filter, continuation) => {
        const table = new EntityTable<Entity>();
        const model = new Map<string, Entity>();
        for (const [{ n, ...keys }, isPut] of changes) {
          const entity: Entity = { ...keys, eTag: "", lastModifiedTime: "", properties: { n } };
          const key = JSON.stringify([keys.PartitionKey, keys.RowKey]);
          if (isPut) table.set(entity);
          else table.delete(entity);
          if (isPut) model.set(key, entity);
          else model.delete(key);
          expect(table.get(keys)).toBe(model.get(key));
        }
        const holds = filterOf({ filter }, {});
        const isBehind = ({ PartitionKey, RowKey }: Entity): boolean =>
          continuation === undefined ||
          PartitionKey > continuation.partition ||
          (PartitionKey === continuation.partition && RowKey >= continuation.row);
        const expected = [...model.values()]
          .filter((entity) => isBehind(entity) && holds(entity))
          .sort((one, other) => ordered(one.PartitionKey, other.PartitionKey) || ordered(one.RowKey, other.RowKey));
        expect([...table.within(rangeOf(parseFilter(filter)), continuation)].filter(holds)).toEqual(expected);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("a query for one partition's rows looks at those alone", () => {
  const table = new EntityTable<{ PartitionKey: string; RowKey: string }>();
  for (const PartitionKey of ["a", "b", "c"])
    for (let n = 0; n < 10; n++) table.set({ PartitionKey, RowKey: String(n) });
  const looked = (filter: string): number => [...table.within(rangeOf(parseFilter(filter)))].length;
  expect(looked("PartitionKey eq 'b'")).toBe(10);
  expect(looked("PartitionKey eq 'b' and RowKey ge '3' and RowKey lt '5'")).toBe(3);
  expect(looked("(RowKey eq '3') and (PartitionKey eq 'b') and other eq 5")).toBe(1);
  expect(looked("PartitionKey eq 'b' and PartitionKey eq 'c'")).toBe(0);
  expect(looked("PartitionKey eq 'b' or RowKey eq '3'")).toBe(30);
  expect(looked("not (PartitionKey eq 'b')")).toBe(30);
});
