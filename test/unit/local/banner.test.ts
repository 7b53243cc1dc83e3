import { expect, test } from "@jest/globals";
import { banner, type BannerContent } from "../../../local/supervisor/banner.js";
import { stylesFor } from "../../../local/supervisor/styles.js";

const content: BannerContent = {
  readyMs: 2_845,
  node: "20.20.2",
  clock: { offsetMs: 0 },
  parts: [
    ["functions", "http://127.0.0.1:7071"],
    ["service bus", "sb://127.0.0.1:5673", "(5672 was taken)"],
  ],
  functions: [
    { name: "sweep", type: "timerTrigger", schedule: "0 */5 * * * *" },
    { name: "take-order", type: "serviceBusTrigger", queue: "orders", sessions: true },
    { name: "get-order", type: "httpTrigger", route: "orders/{id}", methods: ["GET"] },
    { name: "bury-order", type: "serviceBusTrigger", queue: "orders/$deadletterqueue" },
  ],
  routePrefix: "api",
  tokens: [["ana", "aaa.bbb.ccc"]],
  tokenLifetime: "30 days",
  commands: ["npm run demo"],
};

test("the banner shows every part, function, token and command, aligned", () => {
  expect(banner(content)).toBe(`
Ready in 2.8 s (node 20.20.2, clock real). Ctrl-C stops everything.

  functions    http://127.0.0.1:7071
  service bus  sb://127.0.0.1:5673    (5672 was taken)

functions
  HTTP   get-order   GET /api/orders/{id}
  queue  bury-order  orders/$deadletterqueue
  queue  take-order  orders (sessions)
  timer  sweep       0 */5 * * * *

tokens (valid for 30 days)
  ana  aaa.bbb.ccc

try
  npm run demo
`);
});

test("a clock that was moved is told, and an empty route prefix leaves no gap", () => {
  const text = banner({ ...content, clock: { offsetMs: 86_400_000 }, routePrefix: "" });
  expect(text).toContain("clock +24 h");
  expect(banner({ ...content, clock: { frozenAt: 0 } })).toContain("clock frozen at 1970-01-01T00:00:00.000Z");
  expect(text).toContain("GET /orders/{id}");
});

test("colours are for terminals, and for none where NO_COLOR is set", () => {
  const isColoured = (output: { isTTY?: boolean }, environment: Record<string, string>): boolean =>
    stylesFor(output, environment).dim("x") !== "x";
  expect(isColoured({}, {})).toBe(false);
  expect(isColoured({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(isColoured({ isTTY: true }, { TERM: "dumb" })).toBe(false);
});
