import { describe, expect, test } from "@jest/globals";
import { StartError } from "../../../local/part.js";
import { compareOrdinalIgnoreCase } from "../../../local/functions-host/functions.js";
import { globToRegExp } from "../../../local/functions-host/glob.js";
import { hostOptions } from "../../../local/functions-host/host-json.js";
import { isAllowed, type Keys } from "../../../local/functions-host/keys.js";
import { lowestLevel } from "../../../local/functions-host/log.js";
import { toMessages } from "../../../local/functions-host/outputs.js";
import { isDisabled, resolveSettings, serviceBusConnection } from "../../../local/functions-host/settings.js";
import { parseTimeSpan } from "../../../local/functions-host/time-span.js";
import { formatCookie } from "../../../local/functions-host/triggers/http/response.js";

describe("host.json", () => {
  const serviceBus = (section: object, environment: NodeJS.ProcessEnv = {}) =>
    hostOptions({ extensions: { serviceBus: section } }, environment).serviceBus;

  test("limits requests as it says; -1 is no limit", () => {
    const limits = (http: object): unknown => hostOptions({ extensions: { http } }, {}).http;
    expect(limits({ maxConcurrentRequests: 32, maxOutstandingRequests: "500" })).toMatchObject({
      maxConcurrentRequests: 32,
      maxOutstandingRequests: 500,
    });
    expect(limits({ maxOutstandingRequests: -1 })).toMatchObject({ maxOutstandingRequests: Infinity });
    expect(() => limits({ maxConcurrentRequests: 0 })).toThrow('"maxConcurrentRequests" must be a whole number');
  });

  test("has the defaults of the extension", () => {
    const { http, serviceBus: bus, functionTimeoutMs } = hostOptions({}, {});
    expect(http).toEqual({
      routePrefix: "api",
      maxConcurrentRequests: Infinity,
      maxOutstandingRequests: Infinity,
    });
    expect(functionTimeoutMs).toBe(30 * 60_000);
    expect(bus).toMatchObject({
      autoCompleteMessages: true,
      maxAutoLockRenewalDurationMs: 300_000,
      maxConcurrentSessions: 8,
      maxConcurrentCallsPerSession: 1,
      maxMessageBatchSize: 1000,
      minMessageBatchSize: 1,
      maxBatchWaitTimeMs: 30_000,
      sessionIdleTimeoutMs: 60_000,
    });
    expect(bus.maxConcurrentCalls % 16).toBe(0);
  });

  test("reads the flat names, in any case", () => {
    expect(
      serviceBus({
        MaxConcurrentCalls: 3,
        sessionIdleTimeout: "00:00:01",
        maxAutoLockRenewalDuration: "-00:00:00.0010000",
      }),
    ).toMatchObject({ maxConcurrentCalls: 3, sessionIdleTimeoutMs: 1000, maxAutoLockRenewalDurationMs: Infinity });
  });

  test("reads the older, nested names; the flat ones win", () => {
    const nested = {
      messageHandlerOptions: { autoComplete: false, maxConcurrentCalls: 5, maxAutoRenewDuration: "00:10:00" },
      sessionHandlerOptions: { maxConcurrentSessions: 7, messageWaitTime: "00:00:30" },
      batchOptions: { maxMessageCount: 9 },
    };
    expect(serviceBus(nested)).toMatchObject({
      autoCompleteMessages: false,
      maxConcurrentCalls: 5,
      maxAutoLockRenewalDurationMs: 600_000,
      maxConcurrentSessions: 7,
      sessionIdleTimeoutMs: 30_000,
      maxMessageBatchSize: 9,
    });
    expect(serviceBus({ ...nested, maxConcurrentCalls: 6 }).maxConcurrentCalls).toBe(6);
  });

  test("yields to AzureFunctionsJobHost settings", () => {
    const environment = {
      AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls: "12",
      azurefunctionsjobhost__extensions__http__routeprefix: "v2/",
      AzureFunctionsJobHost__functionTimeout: "-1",
      AzureFunctionsJobHost__logging__logLevel__Function: "Debug",
    };
    const options = hostOptions({ extensions: { serviceBus: { maxConcurrentCalls: 3 } } }, environment);
    expect(options.serviceBus.maxConcurrentCalls).toBe(12);
    expect(options.http.routePrefix).toBe("v2");
    expect(options.functionTimeoutMs).toBe(Infinity);
    expect(lowestLevel("Function.x", options.logLevels)).toBe(1);
  });

  test.each([
    { maxConcurrentCalls: 0 },
    { maxConcurrentCalls: "many" },
    { sessionIdleTimeout: "soon" },
    { autoCompleteMessages: "maybe" },
  ])("refuses %j", (section) => {
    expect(() => serviceBus(section)).toThrow(/must be/);
  });
});

test.each([
  ["00:05:00", 300_000],
  ["1.02:03:04.5", 93_784_500],
  ["10:00", 36_000_000],
  ["2", 172_800_000],
  ["-00:00:00.0010000", -1],
  ["24:00:00", undefined],
  ["00:60:00", undefined],
  ["x", undefined],
])("the time span %s", (text, ms) => {
  expect(parseTimeSpan(text)).toBe(ms);
});

describe("settings", () => {
  test("are put in for %NAME%", () => {
    expect(resolveSettings("a-%X%-%Y%", { X: "1", Y: "2" })).toBe("a-1-2");
    expect(() => resolveSettings("%X%", {})).toThrow(StartError);
  });

  test("say where Service Bus is, in the order of the extension", () => {
    const find = (environment: NodeJS.ProcessEnv) => serviceBusConnection("BUS", environment);
    expect(find({ BUS: "a", AzureWebJobsBUS: "b" })).toEqual({ connectionString: "a" });
    expect(find({ "ConnectionStrings:BUS": "c", AzureWebJobsBUS: "b" })).toEqual({ connectionString: "c" });
    expect(find({ AzureWebJobsBUS: "b" })).toEqual({ connectionString: "b" });
    expect(find({ BUS__fullyQualifiedNamespace: "n", BUS__clientId: "i" })).toEqual({
      fullyQualifiedNamespace: "n",
      clientId: "i",
    });
    expect(() => find({ BUS: "" })).toThrow(/BUS__fullyQualifiedNamespace/);
    expect(serviceBusConnection(undefined, { AzureWebJobsServiceBus: "d" })).toEqual({ connectionString: "d" });
  });

  test("switch a function off", () => {
    expect(isDisabled("f", { "AzureWebJobs.f.Disabled": "True" })).toBe(true);
    expect(isDisabled("f", { AzureWebJobs__f__Disabled: "1" })).toBe(true);
    expect(isDisabled("f", { "AzureWebJobs.f.Disabled": "false" })).toBe(false);
    expect(isDisabled("f", {})).toBe(false);
  });
});

test("keys open what they are for", () => {
  const keys: Keys = { master: "m", host: "h", functions: { f: "own" } };
  const opens = (key: string | undefined): readonly boolean[] => [
    isAllowed(keys, "anonymous", key, "F"),
    isAllowed(keys, "function", key, "F"),
    isAllowed(keys, "function", key, "g"),
    isAllowed(keys, "admin", key, "F"),
  ];
  expect(opens(undefined)).toEqual([true, false, false, false]);
  expect(opens("")).toEqual([true, false, false, false]);
  expect(opens("own")).toEqual([true, true, false, false]);
  expect(opens("h")).toEqual([true, true, true, false]);
  expect(opens("m")).toEqual([true, true, true, true]);
  expect(opens("H")).toEqual([true, false, false, false]);
});

test("the lowest level is that of the closest category", () => {
  const levels = {
    default: "Warning",
    Function: "Information",
    "Function.noisy": "Error",
    "Function.noisy.User": "Trace",
  };
  expect(
    ["Host.Startup", "Function.x", "Function.noisy", "Function.noisy.User", "Functional"].map((each) =>
      lowestLevel(each, levels),
    ),
  ).toEqual([3, 2, 4, 0, 3]);
  expect(lowestLevel("any", {})).toBe(2);
});

test.each([
  [
    "dist/functions/*.js",
    ["dist/functions/a.js"],
    ["dist/functions/a.js.map", "dist/functions/b/a.js", "dist/functions/.a.js"],
  ],
  ["dist/**/*.js", ["dist/a.js", "dist/b/c/a.js"], ["a.js", "dist/.git/a.js"]],
  ["{a,b}/?.mjs", ["a/x.mjs", "b/y.mjs"], ["c/x.mjs", "a/xx.mjs"]],
  ["src/**", ["src/a/b.js"], ["lib/a"]],
])("the pattern %s", (pattern, good, bad) => {
  const matches = globToRegExp(pattern);
  expect([...good, ...bad].filter((path) => matches.test(path))).toEqual(good);
});

test("functions are sorted by name without case", () => {
  expect(["b", "A", "a_", "aB", "_"].sort(compareOrdinalIgnoreCase)).toEqual(
    ["A", "aB", "a_", "b", "_"].sort(compareOrdinalIgnoreCase),
  );
  expect(compareOrdinalIgnoreCase("abc", "ABC")).toBe(0);
  // OrdinalIgnoreCase compares upper-case forms: "_" (5F) comes after "B" (42).
  expect(compareOrdinalIgnoreCase("a_", "ab")).toBe(1);
});

test("an output is a message, or one for each element", () => {
  const texts = (data: Parameters<typeof toMessages>[0]) =>
    toMessages(data).map(({ body, contentType }) => [body.toString(), contentType]);
  expect(texts(undefined)).toEqual([]);
  expect(texts({ string: "x" })).toEqual([["x", "text/plain"]]);
  expect(texts({ json: '{"a":1}' })).toEqual([['{"a":1}', "application/json"]]);
  expect(texts({ json: '[{"a":1},"b"]' })).toEqual([
    ['{"a":1}', "application/json"],
    ["b", "text/plain"],
  ]);
  expect(texts({ int: 0 })).toEqual([["0", "text/plain"]]);
});

test("a cookie is written as ASP.NET Core writes it", () => {
  expect(formatCookie({ name: "a", value: "b;c" })).toBe("a=b%3Bc; path=/");
  expect(
    formatCookie({
      name: "a",
      value: "1",
      expires: { value: { seconds: 0 } },
      maxAge: { value: 1.9 },
      sameSite: "strict",
      httpOnly: { value: true },
    }),
  ).toBe("a=1; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=1; path=/; samesite=strict; httponly");
});
