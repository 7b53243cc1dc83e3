import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { allGone, fileExists, fixture, get, post, Program, ROOT } from "./program.js";

let folder: string;
let data: string;
const programs: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "supervisor-"));
  data = path.join(folder, "data");
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.end("SIGKILL")));
  await rm(folder, { recursive: true, force: true });
});

/** The supervisor, with fake parts. */
function start(env: Record<string, string> = {}): Program {
  const program = new Program([fixture("start-with-fakes.js")], { DAYFLY_DATA: data, DAYFLY_PORTS: "0", ...env });
  programs.push(program);
  return program;
}

interface Info {
  readonly functions: string;
  readonly control: string;
  readonly pid: number;
  readonly [name: string]: unknown;
}

async function ready(program: Program): Promise<Info> {
  await program.line((line) => line.startsWith("Ready in"));
  return JSON.parse(await readFile(path.join(data, "stack.json"), "utf8")) as Info;
}

async function partIds({ control, pid }: Info): Promise<number[]> {
  const { parts } = (await get(`${control}/parts`)).body as { parts: { pid: number }[] };
  expect(parts).toHaveLength(4);
  return [pid, ...parts.map((part) => part.pid)];
}

async function isRefused(program: Program, reason: string | RegExp): Promise<void> {
  expect(await program.exit).toEqual({ code: 1, signal: null });
  expect(program.stdout).toEqual([]);
  expect(program.stderr).toHaveLength(1);
  expect(program.stderr[0]).toMatch(reason);
  expect(existsSync(path.join(data, "stack.json"))).toBe(false);
  expect(existsSync(path.join(data, "stack.lock"))).toBe(false);
}

test("stack.json says where everything is, to this user alone, while the stack is ready", async () => {
  const stack = start();
  const info = await ready(stack);
  expect(Object.keys(info).sort()).toEqual([
    ...["control", "functions", "issuer", "pid", "serviceBus", "storage", "webPubSub"],
  ]);
  expect(info.pid).toBe(stack.pid);
  expect((await stat(path.join(data, "stack.json"))).mode & 0o777).toBe(0o600);
  // The functions got the Service Bus' connection string as their setting.
  expect((await get(`${info.functions}/env`)).body["SERVICE_BUS"]).toBe(info["serviceBus"]);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends everything in order, and nothing is left", async (signal) => {
  const stack = start();
  const pids = await partIds(await ready(stack));
  expect(await stack.end(signal)).toEqual({ code: 0, signal: null });
  await allGone(pids);
  const stopped = stack.stdout
    .map((line) => /^(\S+) +\| stopped: ./.exec(line)?.[1])
    .filter((name) => name !== undefined);
  expect(stopped).toEqual(["functions", "web-pubsub", "service-bus", "storage"]);
  expect(existsSync(path.join(data, "stack.json"))).toBe(false);
  expect(existsSync(path.join(data, "stack.lock"))).toBe(false);
});

test("kill -9 of the supervisor leaves no process, and the next start takes over what it left", async () => {
  const killed = start();
  const pids = await partIds(await ready(killed));
  await killed.end("SIGKILL");
  await allGone(pids);
  expect(existsSync(path.join(data, "stack.json"))).toBe(true);
  const info = await ready(start());
  expect(info.pid).not.toBe(killed.pid);
});

test("a second Ctrl-C does not wait for a part that does not stop", async () => {
  const stack = start({ FAKE_WEB_PUBSUB: "stubborn" });
  const pids = await partIds(await ready(stack));
  stack.child.kill("SIGINT");
  await stack.line((line) => line.startsWith("functions   | stopped"));
  // Another signal, for the same one at once could be npm's echo of the first.
  expect(await stack.end("SIGTERM")).toEqual({ code: 130, signal: null });
  await allGone(pids);
});

test("an end in order needs nobody who reads what it prints", async () => {
  const child = spawn(process.execPath, [fixture("start-with-fakes.js")], {
    env: { ...process.env, DAYFLY_DATA: data, DAYFLY_PORTS: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for await (const chunk of child.stdout) if ((printed += String(chunk)).includes("Ready in")) break;
  const pids = await partIds(JSON.parse(await readFile(path.join(data, "stack.json"), "utf8")) as Info);
  let errors = "";
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number | null];
  expect([code, errors]).toEqual([0, ""]);
  await allGone(pids);
  expect(existsSync(path.join(data, "stack.lock"))).toBe(false);
});

test("an interrupt during the start ends it as well", async () => {
  const stack = start({ FAKE_FUNCTIONS: "silent" });
  await fileExists(path.join(data, "logs", "functions.log"));
  expect(await stack.end("SIGINT")).toEqual({ code: 0, signal: null });
  expect(stack.stderr).toEqual([]);
});

test("a second stack on the same folder is refused in one line, and the first goes on", async () => {
  const info = await ready(start());
  const second = start();
  expect(await second.exit).toEqual({ code: 1, signal: null });
  expect(second.stderr).toHaveLength(1);
  expect(second.stderr[0]).toContain(`another stack (process ${String(info.pid)}) uses ${data}.`);
  expect((await get(`${info.control}/time`)).status).toBe(200);
});

test("a folder that cannot be written is said in one line", async () => {
  await writeFile(path.join(folder, "file"), "");
  data = path.join(folder, "file", "data");
  await isRefused(start(), /^the data folder .* cannot be written \(ENOTDIR\)\. Set DAYFLY_DATA/);
});

test("where no folder can be made is said in one line", async () => {
  // Node's own recursive mkdir never ends there.
  data = process.platform === "linux" ? "/proc/no/such/folder" : path.join(folder, "x".repeat(5_000));
  await isRefused(start(), /^the data folder .* cannot be written \(E[A-Z]+\)\. Set DAYFLY_DATA/);
});

test.each([
  ["logs", /logs cannot be used \(EEXIST\)\. Make room/],
  ["issuer", /key\.json cannot be used \(ENOTDIR\)\. Make room/],
  ["clock.json", /clock\.json is damaged\. Delete it/],
])("a file that is in the way (%s) is said in one line", async (name, reason) => {
  await mkdir(data);
  await writeFile(path.join(data, name), "not JSON");
  await isRefused(start(), reason);
});

test("an old Node is said in one line, and nothing is compiled or started", async () => {
  const old = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.18.3"}})`;
  const program = new Program([`--import=data:text/javascript,${old}`, path.join(ROOT, "scripts", "run.js"), "x.js"], {
    DAYFLY_DATA: data,
  });
  programs.push(program);
  expect(await program.exit).toEqual({ code: 1, signal: null });
  expect(program.stdout).toEqual([]);
  expect(program.stderr).toEqual([expect.stringContaining("Dayfly needs Node.js 20.19 or newer")]);
});

test("a taken port that was set is said in one line", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await isRefused(
    start({ DAYFLY_PORT_FUNCTIONS: String(port) }),
    `port ${String(port)} (DAYFLY_PORT_FUNCTIONS) is taken`,
  );
  await new Promise((resolve) => server.close(resolve));
});

test.each([
  ["refuse", /^web-pubsub: is not in the mood\. Ask again tomorrow\.$/],
  ["exit", /^web-pubsub: ended before it served \(exit code 3\): something went wrong$/],
])("a part that cannot start (%s) ends everything with its reason", async (behaviour, reason) => {
  await isRefused(start({ FAKE_WEB_PUBSUB: behaviour }), reason);
});

test("a part that dies by itself ends everything, with one line that names it and its log", async () => {
  const stack = start();
  const info = await ready(stack);
  const pids = await partIds(info);
  await fetch(`${info.functions}/crash`).catch(() => undefined);
  expect(await stack.exit).toEqual({ code: 1, signal: null });
  await allGone(pids);
  expect(stack.stderr).toEqual([
    `functions: ended by itself (exit code 7), so everything was stopped. Its log: ${path.join(data, "logs", "functions.log")}`,
  ]);
});

test("the clock's offset outlives the stack, and the banner tells it", async () => {
  const first = start();
  const { control } = await ready(first);
  expect((await post(`${control}/time`, { advance: "PT24H" })).status).toBe(200);
  await first.end("SIGINT");
  const second = start();
  const info = await ready(second);
  expect(second.stdout.find((line) => line.startsWith("Ready in"))).toContain("clock +24 h");
  const { now } = (await get(`${info.functions}/now`)).body as { now: number };
  expect(Math.round((now - Date.now()) / 3_600_000)).toBe(24);
});
