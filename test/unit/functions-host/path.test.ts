import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodePath, encodePath, parseQuery } from "../../../local/functions-host/triggers/http/path.js";

test.each([
  ["/a%20b", "/a b"],
  ["/a%2Fb%2fc", "/a%2Fb%2fc"],
  ["/a%252Fb", "/a%2Fb"],
  ["/%C3%A9%F0%9F%98%80", "/é😀"],
  ["/%C3", "/%C3"], // cut short
  ["/%C3%28", "/%C3("],
  ["/%FF%41", "/%FFA"],
  ["/%ED%A0%80", "/%ED%A0%80"], // a surrogate is no UTF-8
  ["/%zz%4", "/%zz%4"],
  ["/a/./b/../c", "/a/c"],
  ["/a/%2e%2e/b", "/b"],
  ["/../a", "/a"],
  ["/a/..", "/"],
  ["/a+b", "/a+b"],
])("Kestrel decodes %s to %s", (raw, decoded) => {
  expect(decodePath(raw)).toBe(decoded);
});

test("a null character is refused", () => {
  expect(decodePath("/a%00")).toBeUndefined();
});

test("what encodeURIComponent escapes comes back, but for the slash", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (text) => {
      fc.pre(!/[\0/]/.test(text) && !/^\.{1,2}$/.test(text));
      expect(decodePath(`/${encodeURIComponent(text)}`)).toBe(`/${text}`);
    }),
  );
});

test.each([
  ["/a b", "/a%20b"],
  ["/a%2Fb", "/a%2Fb"],
  ["/100%", "/100%25"],
  ['/é"', "/%C3%A9%22"],
  ["/a@b:c;d=e,f+g!$&'()*", "/a@b:c;d=e,f+g!$&'()*"],
])("%s is escaped again as %s", (path, url) => {
  expect(encodePath(path)).toBe(url);
});

test.each([
  ["", {}],
  ["a=1&b=2", { a: "1", b: "2" }],
  ["a=1&A=2", { a: "1,2" }],
  ["a", { a: "" }],
  ["a=&a=1", { a: "1" }],
  ["a=x=y&&b=%2F%26+%2B", { a: "x=y", b: "/& +" }],
])("the query %s", (query, expected) => {
  expect(Object.fromEntries(parseQuery(query))).toEqual(expected);
});
