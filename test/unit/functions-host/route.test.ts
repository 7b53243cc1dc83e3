import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseRoute } from "../../../local/functions-host/triggers/http/route.js";

const match = (template: string, path: string): unknown => parseRoute(template).match(path);

describe("templates", () => {
  test.each([
    ["api/items", "/api/items", {}],
    ["api/items", "/API/Items/", {}],
    ["api/items", "/api/items/1", undefined],
    ["api/items", "/api//items", undefined],
    ["", "/", {}],
    ["", "/x", undefined],
    ["a/{x}", "/a/1", { x: "1" }],
    ["a/{x}", "/a", undefined],
    ["a/{x}/b", "/a//b", undefined],
    ["a/{x?}", "/a", {}],
    ["a/{x?}", "/a/", {}],
    ["a/{x=5}", "/a", { x: "5" }],
    ["a/{x:int=5}", "/a/7", { x: "7" }],
    ["a/{x:int?}", "/a", {}],
    ["a/{*rest}", "/a", {}],
    ["a/{*rest}", "/a/b/c/", { rest: "b/c/" }],
    ["a/{**rest}", "/a/b/c", { rest: "b/c" }],
    ["a/{*rest:minlength(3)}", "/a/bc", undefined],
    ["{name}.{ext}", "/x.y.z", { name: "x.y", ext: "z" }],
    ["v{major:int}-{minor:int}", "/V1-22", { major: "1", minor: "22" }],
    ["v{major:int}-{minor:int}", "/v1-x", undefined],
    ["a/{{x}}", "/a/{x}", {}],
    ["a.b", "/axb", undefined],
    ["~/a/{x}", "/a/1", { x: "1" }],
  ])("%s on %s", (template, path, expected) => {
    expect(match(template, path)).toEqual(expected);
  });

  test.each([
    "a/{x", // open
    "a/{}",
    "a//b",
    "a/{x:nonsense}",
    "a/{x:int(3}",
    "{*rest}/b",
    "a-{x?}",
  ])("refuses %s", (template) => {
    expect(() => parseRoute(template)).toThrow();
  });

  test("any text is one segment's value, and never more", () => {
    const segment = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !text.includes("/"));
    fc.assert(
      fc.property(segment, segment, (a, b) => {
        expect(match("x/{a}/y/{b}", `/x/${a}/y/${b}`)).toEqual({ a, b });
        expect(match("x/{a}/y/{b}", `/x/${a}/y/${b}/z`)).toBeUndefined();
      }),
    );
  });
});

describe("constraints", () => {
  test.each([
    ["int", ["0", "-1", "+7", "2147483647"], ["2147483648", "1.5", "x", "1e3"]],
    ["long", ["9223372036854775807"], ["9223372036854775808"]],
    ["bool", ["true", "FALSE"], ["1", "yes"]],
    ["guid", ["0f8fad5b-d9cb-469f-a165-70867728950e", "{0F8FAD5B-D9CB-469F-A165-70867728950E}"], ["0f8fad5b", "x"]],
    ["decimal", ["1.5", "-2", ".5", "1,000"], ["x", "1e3"]],
    ["double", ["1.5", "1e3"], ["x"]],
    ["datetime", ["2026-01-01", "2026-01-01T10:00:00Z"], ["never"]],
    ["alpha", ["abcXYZ"], ["a1", "é"]],
    ["minlength(2)", ["ab", "abc"], ["a"]],
    ["maxlength(2)", ["ab"], ["abc"]],
    ["length(2)", ["ab"], ["a", "abc"]],
    ["length(2,3)", ["ab", "abc"], ["a", "abcd"]],
    ["min(5)", ["5", "6"], ["4", "x"]],
    ["max(5)", ["5", "-1"], ["6"]],
    ["range(1,3)", ["1", "3"], ["0", "4"]],
    ["regex(^\\d{{3}}$)", ["123"], ["12", "1234"]],
    ["regex(^(a|b)c$)", ["ac", "BC"], ["cc"]],
    ["int:min(3)", ["3"], ["2", "x"]],
    ["file", ["a.txt"], ["a"]],
    ["nonfile", ["a"], ["a.txt"]],
    ["required", ["a"], []],
  ])("%s", (constraint, good, bad) => {
    const route = parseRoute(`a/{x:${constraint}}`);
    for (const value of good) expect(route.match(`/a/${value}`)).toEqual({ x: value });
    for (const value of bad) expect(route.match(`/a/${value}`)).toBeUndefined();
  });
});
