import { createServer } from "node:http";
import { once } from "node:events";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { fixture, removeFolder, root, startHost, temporaryFolder, type Host } from "./host-process.js";

let folder: string;
const started: Host[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((host) => host.end("SIGTERM")));
  await removeFolder(folder);
});

/** An app whose one file is `source`. */
async function app(
  source: string,
  more: { readonly manifest?: object; readonly hostJson?: string } = {},
): Promise<string> {
  const appFolder = path.join(folder, "app");
  await mkdir(appFolder);
  await symlink(path.join(root, "node_modules"), path.join(appFolder, "node_modules"));
  const manifest = { name: "app", type: "module", main: "main.js", ...more.manifest };
  await writeFile(path.join(appFolder, "package.json"), JSON.stringify(manifest));
  await writeFile(path.join(appFolder, "host.json"), more.hostJson ?? '{"version":"2.0"}');
  await writeFile(path.join(appFolder, "main.js"), source);
  return appFolder;
}

async function start(appFolder: string, settings: Readonly<Record<string, string>> = {}, more: readonly string[] = []) {
  const host = await startHost(path.join(folder, "data"), settings, ["--app", appFolder, ...more]);
  started.push(host);
  return host;
}

const IMPORT = 'import { app } from "@azure/functions";\n';
const HELLO = `${IMPORT}app.http("hello", { handler: () => ({ body: "hello" }) });`;

describe("an app that cannot start is told so", () => {
  test.each<[string, string, { manifest?: object; hostJson?: string }, RegExp]>([
    ["an error while it loads", `${IMPORT}throw new Error("broken");`, {}, /main\.js failed to load: Error: broken/],
    ["a syntax error", "import {", {}, /main\.js failed to load: .*SyntaxError/s],
    [
      "a hook that there is not",
      `import { createRequire } from "node:module";
       createRequire(import.meta.url)("@azure/functions-core").registerHook("never", () => {});`,
      {},
      /RangeError: Unrecognized hook "never"/,
    ],
    ["no function", "export {};", {}, /No function was registered/],
    ["a name twice", `${HELLO}\n${HELLO.replace(IMPORT, "")}`, {}, /"hello" has already been registered/],
    ["HTTP streaming", `${HELLO}\napp.setup({ enableHttpStream: true });`, {}, /has no HTTP streaming/],
    ["no main", HELLO, { manifest: { main: undefined } }, /has no "main"/],
    ["a main that matches nothing", HELLO, { manifest: { main: "dist/*.js" } }, /No file matches "main"/],
    ["host.json that is not JSON", HELLO, { hostJson: "{" }, /host\.json is not JSON/],
    ["an older host.json", HELLO, { hostJson: "{}" }, /"version" must be "2\.0"/],
    [
      "a time span that is none",
      HELLO,
      { hostJson: '{"version":"2.0","extensions":{"serviceBus":{"sessionIdleTimeout":"soon"}}}' },
      /host\.json: "sessionIdleTimeout" must be a time span/,
    ],
    ["a bad route", `${IMPORT}app.http("a", { route: "{x", handler() {} });`, {}, /Function 'a': route/],
    [
      "a bad schedule",
      `${IMPORT}app.timer("a", { schedule: "0 0 0 * * 7", handler() {} });`,
      {},
      /Function 'a': .*0 to 6/,
    ],
    [
      "a setting that is missing",
      `${IMPORT}app.timer("a", { schedule: "%NO%", handler() {} });`,
      {},
      /'%NO%' does not resolve/,
    ],
    [
      "a connection that is missing",
      `${IMPORT}app.serviceBusQueue("a", { queueName: "q", connection: "NO", handler() {} });`,
      {},
      /Service Bus connection 'NO' is not set/,
    ],
    [
      "a trigger that this host does not have",
      `${IMPORT}app.storageQueue("a", { queueName: "q", connection: "X", handler() {} });`,
      {},
      /Function 'a': this host has no trigger of type 'queueTrigger'/,
    ],
  ])("%s", async (_, source, more, expected) => {
    await expect(start(await app(source, more))).rejects.toThrow(expected);
  });

  test("a port that is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const port = String((server.address() as AddressInfo).port);
    await expect(start(await app(HELLO), {}, ["--port", port])).rejects.toThrow(new RegExp(`port ${port} is taken`));
    server.close();
  });
});

test("a CommonJS app is loaded too", async () => {
  const source =
    'const { app } = require("@azure/functions");\napp.http("hello", { handler: () => ({ body: "hello" }) });';
  const host = await start(await app(source, { manifest: { type: "commonjs" } }));
  expect(await (await fetch(`${host.address}/api/hello`)).text()).toBe("hello");
});

test("hooks run around the app and its invocations", async () => {
  const source = `${IMPORT}
    app.hook.appStart(() => console.error('{"category":"hook","message":"start"}'));
    app.hook.appTerminate(() => console.error('{"category":"hook","message":"terminate"}'));
    app.hook.preInvocation((context) => { context.hookData.n = 1; context.inputs.push("more"); });
    app.hook.postInvocation((context) => { context.result = { body: context.result.body + context.hookData.n }; });
    app.hook.log((context) => { context.message = context.message.toUpperCase(); });
    app.http("hello", { handler: (_request, more, context) => { context.log("quiet"); return { body: more }; } });`;
  const host = await start(await app(source));
  expect(await (await fetch(`${host.address}/api/hello`)).text()).toBe("more1");
  await host.lines.waitFor((line) => line.message === "QUIET" && line.category === "Function.hello.User");
  await host.end("SIGTERM");
  expect(host.lines.all.filter((line) => line.category === "hook").map((line) => line.message)).toEqual([
    "start",
    "terminate",
  ]);
});

test("hooks may replace inputs, handler, result and error", async () => {
  const source = `${IMPORT}
    const hello = (name, handler) => app.http(name, { handler });
    app.hook.preInvocation((context) => {
      const name = context.invocationContext.functionName;
      if (name === "inputs") context.inputs = ["another", context.invocationContext];
      if (name === "handler") context.functionHandler = () => ({ body: "another" });
    });
    app.hook.postInvocation((context) => {
      const name = context.invocationContext.functionName;
      if (name === "failing") { context.error = null; context.result = { body: "mended" }; }
      if (name === "fine") context.error = new Error("after all");
    });
    hello("inputs", (first) => ({ body: first }));
    hello("handler", () => ({ body: "its own" }));
    hello("failing", () => { throw new Error("broken"); });
    hello("fine", () => ({ body: "fine" }));`;
  const host = await start(await app(source));
  const call = async (name: string): Promise<string> => {
    const response = await fetch(`${host.address}/api/${name}`);
    return `${String(response.status)} ${await response.text()}`;
  };
  expect(await Promise.all(["inputs", "handler", "failing", "fine"].map(call))).toEqual([
    ...["200 another", "200 another", "200 mended", "500 "],
  ]);
});

test("a function that runs too long has failed", async () => {
  const source = `${IMPORT}app.http("hello", { handler: () => new Promise(() => undefined) });`;
  const host = await start(await app(source, { hostJson: '{"version":"2.0","functionTimeout":"00:00:00.1"}' }));
  expect((await fetch(`${host.address}/api/hello`)).status).toBe(500);
});

test("an empty route prefix puts functions at the root", async () => {
  const host = await start(await app(HELLO), { AzureFunctionsJobHost__extensions__http__routePrefix: "" });
  expect(await (await fetch(`${host.address}/hello`)).text()).toBe("hello");
});

describe("local.settings.json", () => {
  test("fills up the environment, which wins, and sets CORS", async () => {
    const file = path.join(folder, "local.settings.json");
    const Host = { CORS: "http://one.example, http://two.example", CORSCredentials: true };
    await writeFile(file, JSON.stringify({ IsEncrypted: false, Values: { ONLY_FILE: "file", BOTH: "file" }, Host }));
    const host = await start(fixture, { BOTH: "environment" }, ["--settings", file]);
    const setting = async (name: string): Promise<string> =>
      (await fetch(`${host.address}/api/settings/${name}`)).text();
    expect(await setting("ONLY_FILE")).toBe("file");
    expect(await setting("BOTH")).toBe("environment");
    expect(await setting("AZURE_FUNCTIONS_ENVIRONMENT")).toBe("Development");

    const preflight = await fetch(`${host.address}/api/echo/1`, {
      method: "OPTIONS",
      headers: {
        origin: "http://two.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "x-a",
      },
    });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": "http://two.example",
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "x-a",
    });
    const other = await fetch(`${host.address}/api/echo/1`, { headers: { origin: "http://three.example" } });
    expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([200, null]);
  });

  test("may be missing, but not broken", async () => {
    await start(fixture, {}, ["--settings", path.join(folder, "none.json")]);
    const file = path.join(folder, "broken.json");
    await writeFile(file, "{");
    await expect(start(fixture, {}, ["--settings", file])).rejects.toThrow(/broken\.json cannot be read as JSON/);
  });
});

test("keys that are not set are made once and kept", async () => {
  const own = { LOCAL_FUNCTIONS_MASTER_KEY: "", LOCAL_FUNCTIONS_HOST_KEY: "" };
  const keys = async (): Promise<Record<string, string>> =>
    JSON.parse(await readFile(path.join(folder, "data", "keys.json"), "utf8")) as Record<string, string>;
  const first = await start(fixture, own);
  const made = await keys();
  const open = await fetch(`${first.address}/api/key`, { headers: { "x-functions-key": made["host"] ?? "" } });
  expect(open.status).toBe(200);
  expect((await fetch(`${first.address}/api/key`, { headers: { "x-functions-key": "" } })).status).toBe(401);
  await first.end("SIGTERM");
  await start(fixture, own);
  expect(await keys()).toEqual(made);
});
