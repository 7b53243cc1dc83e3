import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { removeFolder, SETTINGS, startHost, temporaryFolder, type Host } from "./host-process.js";

interface TimerTold {
  readonly timer: {
    readonly isPastDue: boolean;
    readonly schedule: { readonly adjustForDST: boolean };
    readonly scheduleStatus: { readonly last: string; readonly next: string; readonly lastUpdated: string } | null;
  };
}

const LAST_YEAR = Date.UTC(2020, 0, 1);

let host: Host;
let data: string;

beforeAll(async () => {
  data = await temporaryFolder();
  const status = { schedule: SETTINGS["YEARLY"], last: LAST_YEAR - 1, next: LAST_YEAR, lastUpdated: LAST_YEAR - 1 };
  await writeFile(path.join(data, "timers.json"), JSON.stringify({ yearly: status }));
  host = await startHost(data);
});

afterAll(async () => {
  await host.end("SIGTERM");
  await removeFolder(data);
});

const admin = (name: string, key = "the-master-key", body = "{}"): Promise<Response> =>
  fetch(`${host.address}/admin/functions/${name}`, { method: "POST", headers: { "x-functions-key": key }, body });

test("an occurrence that was missed while the host was down is made up for, past due", async () => {
  const [told] = await host.lines.told<TimerTold>("yearly");
  expect(told?.timer).toEqual({
    isPastDue: true,
    schedule: { adjustForDST: true },
    scheduleStatus: {
      last: "2019-12-31T23:59:59.999+00:00",
      next: "2020-01-01T00:00:00+00:00",
      lastUpdated: "2019-12-31T23:59:59.999+00:00",
    },
  });
});

test("runOnStartup runs at the start, and is not past due", async () => {
  const [told] = await host.lines.told<TimerTold>("onStartup");
  expect(told?.timer.isPastDue).toBe(false);
  expect(told?.timer.scheduleStatus?.last).toBe("0001-01-01T00:00:00+00:00");
});

test("a schedule goes on, without a status when it fires more often than once a minute", async () => {
  const told = await host.lines.told<TimerTold>("everySecond", 2);
  expect(told.map(({ timer }) => timer.scheduleStatus)).toEqual([null, null]);
});

test("a failure is retried as the policy says", async () => {
  const told = await host.lines.told<{ readonly retryContext: object }>("retried", 3);
  expect(told.map(({ retryContext }) => retryContext)).toEqual([
    { retryCount: 0, maxRetryCount: 2 },
    { retryCount: 1, maxRetryCount: 2, exception: { message: "try again" } },
    { retryCount: 2, maxRetryCount: 2, exception: { message: "try again" } },
  ]);
});

test("a timer can be run by hand, with the master key", async () => {
  const before = host.lines.all.filter((line) => line.event === "executed" && line.function === "yearly").length;
  expect((await admin("yearly")).status).toBe(202);
  await host.lines.executed("yearly", before + 1);
  expect((await admin("yearly", "the-host-key")).status).toBe(401);
  expect((await admin("nobody")).status).toBe(404);
  expect((await admin("echo")).status).toBe(400);
  expect((await admin("yearly", "the-master-key", "{")).status).toBe(400);
});

test("another host with the same data leaves the timers to this one, until it is gone", async () => {
  const second = await startHost(data);
  const before = host.lines.all.length;
  await host.lines.until(() => host.lines.all.slice(before).some((line) => line.event === "executed"));
  expect(second.lines.all.filter((line) => line.event === "executed")).toEqual([]);
  await host.end("SIGKILL");
  await second.lines.told("everySecond");
  host = second;
});

test("the status is kept for the next start", async () => {
  await host.lines.executed("onStartup");
  await host.lines.executed("retried", 3);
  expect(await host.end("SIGTERM")).toBe(0);
  const kept = JSON.parse(await readFile(path.join(data, "timers.json"), "utf8")) as Record<string, { next: number }>;
  expect(Object.keys(kept).sort()).toEqual(["onStartup", "retried", "yearly"]);
  expect(new Date(kept["onStartup"]?.next ?? 0).toISOString()).toMatch(/-01-01T00:00:00.000Z$/);
});
