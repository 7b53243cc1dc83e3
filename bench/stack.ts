/** A stack for the benches: the one of `npm start`, in a folder and on ports of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { io } from "socket.io-client";
import { v7 as uuidv7 } from "uuid";
import { ChatClient, type ChatListener } from "../client/chat-client.js";

export interface StackInfo {
  readonly functions: string;
  readonly issuer: string;
  /** Connection string. */
  readonly storage: string;
  readonly control: string;
  readonly webPubSub: string;
}

interface Part {
  readonly name: string;
  readonly pid?: number;
  readonly management?: string;
}

export interface BenchStack {
  readonly info: StackInfo;
  /** Where its data and logs are. */
  readonly data: string;
  /** From spawn to ready, in milliseconds. */
  readonly startMs: number;
  /** CPU seconds that each process of the stack has used so far, by part. */
  cpu(): Promise<ReadonlyMap<string, number>>;
  parts(): Promise<ReadonlyMap<string, Part>>;
  now(): Promise<number>;
  /** Moves the clock of every process on. */
  advance(ms: number): Promise<void>;
  /** Resolves when no message is due or locked and no function runs. */
  idle(): Promise<void>;
  token(user: string): Promise<string>;
  person(user: string, listener?: ChatListener): Promise<ChatClient>;
  stop(): Promise<void>;
}

const LONGEST_START_MS = 30_000;

/** Longer than the clock is moved. */
const TOKEN_SECONDS = 400 * 86_400;

export async function startBenchStack({ countCalls = false } = {}): Promise<BenchStack> {
  const data = await mkdtemp(path.join(tmpdir(), "dayfly-bench-"));
  const begun = performance.now();
  const main = path.resolve(import.meta.dirname, "../local/start.js");
  const child = spawn(process.execPath, ["--enable-source-maps", main], {
    env: {
      ...process.env,
      ...{ DAYFLY_DATA: data, DAYFLY_PORTS: "0", RATE_LIMIT_FACTOR: "1000" },
      ...(countCalls ? counting(data) : {}),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const info = await readyInfo(child, path.join(data, "stack.json"));
  const startMs = performance.now() - begun;

  const token = async (user: string): Promise<string> => {
    const response = await fetch(`${info.issuer}/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sub: user, expiresIn: TOKEN_SECONDS }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };

  const control = async (route: string, body?: unknown): Promise<unknown> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${info.control}${route}`, init);
    if (!response.ok) throw new Error(`${route}: ${await response.text()}`);
    return response.json();
  };

  return {
    info,
    data,
    startMs,
    token,
    parts: async () => {
      const { parts } = (await control("/parts")) as { parts: readonly Part[] };
      return new Map(parts.map((part) => [part.name, part]));
    },
    now: async () => Date.parse(((await control("/time")) as { now: string }).now),
    advance: async (ms) => {
      await control("/time", { advance: `PT${(ms / 1000).toFixed(3)}S` });
    },
    idle: async () => {
      await control("/idle?timeout=600s");
    },
    cpu: () => cpuSeconds(info),
    person: async (user, listener) => {
      const bearer = await token(user);
      const options = { baseUrl: info.functions, token: () => Promise.resolve(bearer), io, newId: uuidv7 };
      return new ChatClient({ ...options, transports: ["websocket"] }, listener);
    },
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Has every process count its calls: count-calls.ts. */
const counting = (folder: string): Record<string, string> => ({
  NODE_OPTIONS: `--import=${new URL("count-calls.js", import.meta.url).href}`,
  BENCH_COUNTS: folder,
});

async function readyInfo(child: ChildProcess, file: string): Promise<StackInfo> {
  const deadline = performance.now() + LONGEST_START_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    const content = await readFile(file, "utf8").catch(() => undefined);
    if (content !== undefined) return JSON.parse(content) as StackInfo;
    await wait(10);
  }
  child.kill();
  throw new Error("The stack did not start.");
}

/** Linux counts CPU time in hundredths of a second (proc(5), stat: utime and stime). */
async function cpuSeconds(info: StackInfo): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${info.control}/parts`);
  const { parts } = (await response.json()) as { parts: readonly { name: string; pid?: number }[] };
  const used = await Promise.all(
    parts.map(async ({ name, pid }) => {
      const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8").catch(() => "");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [name, (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100] as const;
    }),
  );
  return new Map(used);
}
