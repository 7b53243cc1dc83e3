import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { allGone, CLI, fixture, get, post, Program } from "./program.js";

const DAY = 86_400_000;
const HOUR = 3_600_000;

let data: string;
let stack: Program;
let info: { readonly control: string; readonly functions: string; readonly issuer: string };

beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), "control-"));
  stack = new Program([fixture("start-with-fakes.js")], { DAYFLY_DATA: data, DAYFLY_PORTS: "0" });
  await stack.line((line) => line.startsWith("Ready in"));
  info = JSON.parse(await readFile(path.join(data, "stack.json"), "utf8")) as typeof info;
});
afterAll(async () => {
  expect(await stack.end()).toEqual({ code: 0, signal: null });
  await rm(data, { recursive: true, force: true });
});
afterEach(() => post(`${info.control}/time`, { reset: true }));

interface Part {
  readonly name: string;
  readonly state: string;
  readonly pid?: number;
  readonly address?: string;
}

async function parts(): Promise<ReadonlyMap<string, Part>> {
  const { body } = await get(`${info.control}/parts`);
  return new Map((body["parts"] as readonly Part[]).map((part) => [part.name, part]));
}

/** How far a part's clock is ahead, in whole hours. */
async function hoursAhead(address: string): Promise<number> {
  const { now } = (await get(`${address}/now`)).body as { now: number };
  return Math.round((now - Date.now()) / HOUR) || 0;
}

test("POST /time moves every process before it answers, adds up, and reset puts all right", async () => {
  const addresses = [...(await parts()).values()].map((part) => part.address ?? "");
  const everywhere = (): Promise<number[]> => Promise.all(addresses.map(hoursAhead));
  for (const [body, offsetMs] of [
    [{ advance: "PT24H" }, DAY],
    [{ advance: "P1DT1H" }, 2 * DAY + HOUR],
    [{ reset: true }, 0],
  ] as const) {
    const { status, body: answer } = await post(`${info.control}/time`, body);
    expect({ status, offsetMs: answer["offsetMs"] }).toEqual({ status: 200, offsetMs });
    expect(await everywhere()).toEqual(addresses.map(() => offsetMs / HOUR));
    expect((await get(`${info.control}/time`)).body["offsetMs"]).toBe(offsetMs);
  }
  expect(addresses).toHaveLength(4);
});

test("POST /time freezes every process at one millisecond; advance moves that on by exactly so much; release goes on from there", async () => {
  const addresses = [...(await parts()).values()].map((part) => part.address ?? "");
  const everywhere = async (): Promise<ReadonlySet<unknown>> =>
    new Set(await Promise.all(addresses.map(async (address) => (await get(`${address}/now`)).body["now"])));
  const frozen = await post(`${info.control}/time`, { freeze: true });
  expect(frozen).toMatchObject({ status: 200, body: { frozen: true } });
  const stands = Date.parse(String(frozen.body["now"]));
  expect(await everywhere()).toEqual(new Set([stands]));
  // Frozen twice it stands where it stood.
  expect((await post(`${info.control}/time`, { freeze: true })).body["now"]).toBe(frozen.body["now"]);

  const moved = await post(`${info.control}/time`, { advance: "PT24H" });
  expect(moved).toMatchObject({ body: { frozen: true, now: new Date(stands + DAY).toISOString() } });
  expect(await everywhere()).toEqual(new Set([stands + DAY]));
  expect((await get(`${info.control}/time`)).body["now"]).toBe(moved.body["now"]);
  // A token for a second is good for as long as the clock stands.
  const { body } = await post(`${info.issuer}/token`, { sub: "a", expiresIn: 1 });
  const claims = Buffer.from(String(body["access_token"]).split(".")[1] ?? "", "base64url").toString("utf8");
  expect((JSON.parse(claims) as { iat: number }).iat).toBe(Math.floor((stands + DAY) / 1_000));

  const released = await post(`${info.control}/time`, { freeze: false });
  expect(released.body["frozen"]).toBe(false);
  expect(Date.parse(String(released.body["now"]))).toBeGreaterThanOrEqual(stands + DAY);
  // The day less what it stood.
  expect(Number(released.body["offsetMs"])).toBeLessThanOrEqual(DAY);
  expect(await Promise.all(addresses.map(hoursAhead))).toEqual(addresses.map(() => 24));
  await post(`${info.control}/time`, { freeze: true });
  expect((await post(`${info.control}/time`, { reset: true })).body).toMatchObject({ frozen: false, offsetMs: 0 });
});

test("tokens are as old as the clock says", async () => {
  const issuedAt = async (): Promise<number> => {
    const { body } = await post(`${info.issuer}/token`, { sub: "a" });
    const claims = Buffer.from(String(body["access_token"]).split(".")[1] ?? "", "base64url").toString("utf8");
    return (JSON.parse(claims) as { iat: number }).iat * 1_000;
  };
  await post(`${info.control}/time`, { advance: "PT24H" });
  expect(Math.round(((await issuedAt()) - Date.now()) / HOUR)).toBe(24);
});

test.each([
  {},
  { advance: "tomorrow" },
  { advance: "-PT1H" },
  { advance: "P1M" },
  { advance: 5 },
  { advance: "P99999999W" },
  { advance: "PT1H", reset: true },
  { reset: false },
  { freeze: "now" },
  { freeze: true, advance: "PT1H" },
])("%j moves nothing and is refused with what to send", async (body) => {
  const { status, body: answer } = await post(`${info.control}/time`, body);
  expect(status).toBe(400);
  expect(String(answer["error"])).toContain('{"reset": true}');
  expect((await get(`${info.control}/time`)).body["offsetMs"]).toBe(0);
});

test.each(["GET /time", "POST /time", "GET /idle", "GET /parts", "POST /parts/functions/kill"])(
  "%s is closed to pages from elsewhere",
  async (route) => {
    const [method = "", url = ""] = route.split(" ");
    const foreign = await fetch(`${info.control}${url}`, { method, headers: { origin: "https://evil.example" } });
    expect(foreign.status).toBe(403);
    expect((await parts()).get("functions")?.state).toBe("ready");
  },
);

test("a killed part stays down until it is started, at its old address, and the stack goes on", async () => {
  const before = (await parts()).get("service-bus");
  const killed = await post(`${info.control}/parts/service-bus/kill`, { signal: "SIGKILL" });
  expect(killed).toMatchObject({ status: 200, body: { name: "service-bus", state: "killed" } });
  await allGone([before?.pid ?? 0]);

  await post(`${info.control}/time`, { advance: "PT24H" });
  const started = await post(`${info.control}/parts/service-bus/start`, {});
  expect(started).toMatchObject({ status: 200, body: { state: "ready", address: before?.address } });
  expect(started.body["pid"]).not.toBe(before?.pid);
  // It missed the jump, and starts with the stack's time all the same.
  expect(await hoursAhead(before?.address ?? "")).toBe(24);
  expect((await post(`${info.control}/parts/service-bus/start`, {})).status).toBe(409);
});

test("restart is an orderly end and a new start", async () => {
  const before = (await parts()).get("web-pubsub");
  const { status, body } = await post(`${info.control}/parts/web-pubsub/restart`, {});
  expect({ status, state: body["state"], address: body["address"] }).toEqual({
    ...{ status: 200, state: "ready", address: before?.address },
  });
  expect(body["pid"]).not.toBe(before?.pid);
});

test("what is no part, no signal and no route is said to be so", async () => {
  expect((await post(`${info.control}/parts/nothing/kill`, {})).status).toBe(404);
  expect((await post(`${info.control}/parts/functions/kill`, { signal: "SIGNAL" })).status).toBe(400);
  expect((await get(`${info.control}/nothing`)).status).toBe(404);
  expect((await post(`${info.control}/parts`, { like: "storage" })).status).toBe(400);
  expect((await post(`${info.control}/parts`, { like: "functions", disabled: ["a=b"] })).status).toBe(400);
});

test("one more functions host shares settings and clock, and leaves out what it is told to", async () => {
  const { status, body } = await post(`${info.control}/parts`, { like: "functions", disabled: ["take-order"] });
  expect({ status, name: body["name"], state: body["state"] }).toEqual({
    status: 201,
    name: "functions-2",
    state: "ready",
  });
  const { body: env } = await get(`${String(body["address"])}/env`);
  const { body: firstEnv } = await get(`${info.functions}/env`);
  expect(env["SERVICE_BUS"]).toBe(firstEnv["SERVICE_BUS"]);
  expect(env["AzureWebJobs.take-order.Disabled"]).toBe("true");
  expect(firstEnv["AzureWebJobs.take-order.Disabled"]).toBeUndefined();
  await post(`${info.control}/parts/functions-2/kill`, {});
  expect((await get(`${info.control}/idle`)).body["idle"]).toBe(true);
});

test("GET /idle answers once the work is done, and says what it waited for when time is up", async () => {
  const { body } = await get(`${info.control}/parts`);
  expect(body).toBeDefined();
  const set = (answers: unknown): Promise<unknown> =>
    fetch(`${info.functions}/answers`, { method: "POST", body: JSON.stringify(answers) });
  const status = { ready: true, functions: [] };
  expect((await get(`${info.control}/idle?timeout=5s`)).body["idle"]).toBe(true);

  await set({ "/_local/status": { ...status, running: 2 } });
  const busy = await get(`${info.control}/idle?timeout=100ms`);
  expect(busy).toMatchObject({ status: 503, body: { idle: false } });
  expect(String(busy.body["error"])).toMatch(/^Not idle after \d+ ms: functions run: 2\.$/);

  const waiting = get(`${info.control}/idle?timeout=PT20S`);
  await set({ "/_local/status": { ...status, running: 0 } });
  expect((await waiting).body["idle"]).toBe(true);

  await post(`${info.control}/parts/functions/kill`, {});
  const away = await get(`${info.control}/idle?timeout=100ms`);
  expect(String(away.body["error"])).toContain("no functions host runs");
  await post(`${info.control}/parts/functions/start`, {});
  expect((await get(`${info.control}/idle?timeout=soon`)).status).toBe(400);
});

test("GET /logs finds the lines of all parts that name an id, in order of time", async () => {
  const [order, run] = ["019a0000-0000-7000-8000-000000000001", "5acb89f3-350e-4adf-8913-f9779599f897"];
  const line = (time: string, more: object): string => JSON.stringify({ time: `2026-11-23T12:00:0${time}Z`, ...more });
  const [first, second, third, other] = [
    line("1.000", { message: `took ${order}` }),
    line("2.000", { invocationId: run }),
    line("3.000", { message: order }),
    line("1.500", { message: "another" }),
  ];
  await writeFile(path.join(data, "logs", "kitchen.log"), `${[first, other, third].join("\n")}\n`);
  await writeFile(path.join(data, "logs", "waiters.log"), `${second}\n`);
  const { status, body } = await get(`${info.control}/logs?about=${order}&about=${run}`);
  expect(status).toBe(200);
  expect(body["lines"]).toEqual([
    { part: "kitchen", line: first },
    { part: "waiters", line: second },
    { part: "kitchen", line: third },
  ]);
  for (const query of ["", "?about=", "?about=.*", `?about=${order}&about=short`]) {
    expect([query, (await get(`${info.control}/logs${query}`)).status]).toEqual([query, 400]);
  }
});

test("npm run local -- time, status, idle, token and kill speak to the running stack", async () => {
  const run = async (...args: string[]): Promise<string> => {
    const program = new Program([CLI, ...args], { DAYFLY_DATA: data });
    const { code } = await program.exit;
    return [...program.stdout, ...program.stderr, `exit ${String(code)}`].join("\n");
  };
  expect(await run("time", "+24h")).toMatch(/^\d{4}-.* \(\+24 h\)\nexit 0$/);
  expect(await run("time")).toContain("(+24 h)");
  expect(await run("time", "freeze")).toMatch(/ \(frozen\)\nexit 0$/);
  expect(await run("time", "+24h")).toContain("(frozen)");
  expect(await run("time", "release")).toMatch(/ \(\+\d.*\)\nexit 0$/);
  expect(await run("time", "reset")).toContain("(real time)");
  expect(await run("time", "soon")).toMatch(/^soon is no duration.*\nexit 1$/);
  expect(await run("status")).toMatch(/^ {2}functions +ready .*\n {2}storage +ready .*\n/);
  expect(await run("idle")).toMatch(/^idle after \d+ ms\nexit 0$/);
  expect(await run("token", "ana", "operator")).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+\nexit 0$/);
  await fetch(`${info.functions}/answers`, {
    method: "POST",
    body: JSON.stringify({ "/faults": { id: "1" }, "/_local/faults": {} }),
  });
  expect(await run("fault", "slow-storage", "300ms")).toMatch(
    /^slow-storage: done .*"delayMs":300,"forMs":10000.*\nexit 0$/,
  );
  expect(await run("fault", "twice", "orders", "3")).toMatch(/^twice: done .*"deliver-twice","times":3.*\nexit 0$/);
  expect(await run("fault", "twice", "orders", "often")).toMatch(/^ {2}fault twice QUEUE \[TIMES\] .*\nexit 1$/);
  expect(await run("fault")).toMatch(/^ {2}fault fail [^]*\n {2}fault drop-sockets .*\nexit 1$/);
  expect(await run("kill", "nothing")).toMatch(/^There is no part nothing; there are functions, .*\nexit 1$/);
  expect(await run("dance")).toMatch(/^Usage: npm run local -- COMMAND\n[^]*exit 1$/);
  expect(await run("--help")).toMatch(/^Usage: npm run local -- COMMAND\n[^]*exit 0$/);
}, 120_000);

test("npm run local without a stack says how to start one", async () => {
  const program = new Program([CLI, "status"], { DAYFLY_DATA: path.join(data, "none") });
  expect(await program.exit).toEqual({ code: 1, signal: null });
  expect(program.stderr).toHaveLength(1);
  expect(program.stderr[0]).toContain("npm start");
});

test("the control serves the pages, and nothing beside them", async () => {
  const page = await fetch(`${info.control}/chat/`);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(await page.text()).toContain('src="main.js"');
  const bare = await fetch(`${info.control}/chat`, { redirect: "manual" });
  expect([bare.status, bare.headers.get("location")]).toEqual([308, "/chat/"]);
  for (const path of ["/chat/main.js", "/chat/style.css"]) {
    expect([path, (await fetch(info.control + path)).status]).toEqual([path, 200]);
  }
  for (const path of ["/chat/..%2f..%2fcli.js", "/chat/nothing.js", "/constructor/", "/chat/deeper/main.js"]) {
    expect([path, (await fetch(info.control + path)).status]).toEqual([path, 404]);
  }
  expect((await get(`${info.control}/stack`)).body).toEqual({ functions: info.functions, issuer: info.issuer });
});
