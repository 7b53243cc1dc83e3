import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FilterError } from "../../../local/web-pubsub/odata/lexer.js";
import { filterOf } from "../../../local/web-pubsub/odata/filter.js";

const alice = { id: "c1", userId: "alice", groups: new Set(["g1", "o'g", "G 2"]) };
const nobody = { id: "c2", userId: null, groups: new Set<string>() };

test.each<[string, boolean, boolean]>([
  // filter, for alice, for an anonymous connection
  ["", true, true],
  ["  ", true, true],
  ["true", true, true],
  ["false or true and false", false, false],
  ["userId eq 'alice'", true, false],
  ["USERID eq 'alice'", true, false],
  ["userId eq 'Alice'", false, false],
  ["userId ne 'alice'", false, true],
  ["userId eq null", false, true],
  ["null ne userId", true, false],
  ["userId eq 1", false, false],
  ["connectionId eq 'c2'", false, true],
  ["userId in ('bob','alice')", true, false],
  ["userId in ( 'bob' , null )", false, true],
  ["userId in ()", false, false],
  ["'g1' in groups", true, false],
  ["'G1' in groups", false, false],
  ["'o''g' in groups and 'G 2' in groups", true, false],
  ["not 'g1' in groups", false, true],
  ["not ('g1' in groups)", false, true],
  ["not not ('g1' in groups)", true, false],
  ["not endswith(userId, 'milk')", true, true],
  ["length(userId) gt 4 and length(userId) le 5", true, false],
  ["length(userId) lt 100", true, false],
  ["length(groups) ge 3", true, false],
  ["length(groups) eq 0", false, true],
  ["tolower(toupper(userId)) eq 'alice'", true, false],
  ["toupper(userId) eq 'ALICE'", true, false],
  ["trim(concat(' ', userId)) eq 'alice'", true, false],
  ["concat(userId, 'x') eq 'x'", false, true],
  ["concat(userId, null) eq null", false, true],
  ["substring(userId, 1) eq 'lice'", true, false],
  ["substring(userId, 1, 2) eq 'li'", true, false],
  ["substring(userId, 9) eq null", true, true],
  ["substring(userId, 4, 2) eq null", true, true],
  ["substring(userId, -1) eq null", true, true],
  ["startswith(userId, 'al')", true, false],
  ["endswith(userId, 'ce')", true, false],
  ["contains(userId, 'lic') eq true", true, false],
  ["indexof(userId, 'i') eq 2", true, false],
  ["indexof(userId, 'z') eq -1", true, true],
  ["(userId eq 'x' or 'g1' in groups) and not ('g1' in groups)", false, false],
  ["'g1' in groups or userId eq 'x' and not ('g1' in groups)", true, false],
  ["userId eq 'alice' eq true", true, false],
])("%s", (filter, forAlice, forNobody) => {
  const matches = filterOf(filter);
  expect([matches(alice), matches(nobody)]).toEqual([forAlice, forNobody]);
});

describe("refused", () => {
  test.each([
    ["userId eq", "ends too early"],
    ["eq 'a'", "expected"],
    ["userId eq 'a", "Syntax error at position 9"],
    ["userId = 'a'", "Syntax error at position 6"],
    ['userId eq "a"', "Syntax error"],
    ["(true", "ends too early"],
    ["true)", "')' at position 4"],
    ["userId in 'a'", "expect 'collection'"],
    ["userId in 'a', 'b'", "',' at position 13"],
    ["userId in ('a',)", "')' at position 15"],
    ["userId in (userId)", "literals only"],
    ["userId in userId", "expect 'collection'"],
    ["true true", "'true' at position 5"],
    ["userId", "Type 'string', expect 'bool'"],
    ["null", "Type 'null', expect 'bool'"],
    ["1", "Type 'int', expect 'bool'"],
    ["groups", "Type 'collection', expect 'bool'"],
    ["false and userId", "Type 'string', expect 'bool'"],
    ["true or 1", "Type 'int', expect 'bool'"],
    ["not length(userId) gt 5", "Type 'int', expect 'bool'"],
    ["userId gt 'a'", "Type 'string', expect 'int'"],
    ["length(userId) le true", "Type 'bool', expect 'int'"],
    ["length(1) eq 1", "Type 'int', expect 'string'"],
    ["startswith(userId, 1)", "Type 'int', expect 'string'"],
    ["startswith(groups, 'a')", "Type 'collection', expect 'string'"],
    ["substring(userId, '1') eq 'a'", "Type 'string', expect 'int'"],
    ["startswith(userId)", "that many arguments"],
    ["substring(userId) eq ''", "that many arguments"],
    ["substring(userId, 1, 2, 3) eq ''", "that many arguments"],
    ["length() eq 1", "that many arguments"],
    ["concat('a') eq 'a'", "that many arguments"],
    ["replace(userId, 'a', 'b') eq ''", "'replace' is not supported"],
    ["StartsWith(userId, 'a')", "'StartsWith' is not supported"],
    ["email eq 'a'", "'email' is not supported"],
    ["userId EQ 'a'", "'EQ' at position 7"],
    ["length(userId) eq 1.5", "Syntax error"],
    ["length(userId) eq 2147483648", "32-bit"],
    ["length(userId) add 1 eq 2", "'add' at position 15"],
    ["groups/any(g: g eq 'a')", "Syntax error"],
  ])("%s", (filter, message) => {
    expect(() => filterOf(filter)).toThrow(FilterError);
    expect(() => filterOf(filter)).toThrow(message);
  });

  test("more than a hundred clauses, and what is nested too deeply", () => {
    const clauses = (n: number, operator: string): string =>
      Array.from({ length: n }, () => "true").join(` ${operator} `);
    expect(filterOf(clauses(100, "or"))(alice)).toBe(true);
    for (const operator of ["or", "and"]) expect(() => filterOf(clauses(101, operator))).toThrow("100 clauses");
    expect(() => filterOf(`true${" eq true".repeat(500_000)}`)).toThrow("100 clauses");
    expect(() => filterOf("not ".repeat(500_000) + "true")).toThrow("deep");
    expect(() => filterOf(`${"(".repeat(500_000)}true${")".repeat(500_000)}`)).toThrow("deep");
    expect(filterOf(`userId in (${Array.from({ length: 1000 }, (_, i) => `'u${i}'`).join(",")}, 'alice')`)(alice)).toBe(
      true,
    );
  });
});

test("any text survives quoting", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (userId, other) => {
      const quoted = `'${userId.replaceAll("'", "''")}'`;
      const matches = filterOf(`userId eq ${quoted} and userId in ('', ${quoted}) and not (userId ne ${quoted})`);
      expect(matches({ ...alice, userId })).toBe(true);
      expect(matches({ ...alice, userId: other })).toBe(other === userId);
    }),
  );
});

test("whatever the text, a filter is either a function of the connection or a FilterError", () => {
  const words = fc.constantFrom(
    "userId",
    "groups",
    "eq",
    "in",
    "and",
    "not",
    "(",
    ")",
    ",",
    "'a'",
    "1",
    "length(",
    "null",
    " ",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((all) => all.join(" ")),
      ),
      (text) => {
        try {
          expect(typeof filterOf(text)(alice)).toBe("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError);
        }
      },
    ),
  );
});
