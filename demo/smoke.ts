/**
 * `npm run smoke -- --env <azd environment>`: two people chat on a deployment, and what Azure really does is written down. Without
 * `--env` it asks the local stack. Tokens: SMOKE_TOKEN_A and SMOKE_TOKEN_B for two users, SMOKE_TOKEN_OPERATOR for an operator (optional).
 */
import { ServiceBusClient } from "@azure/service-bus";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { io, type Socket } from "socket.io-client";
import { v7 as uuidv7 } from "uuid";
import WebSocket from "ws";
import { ChatClient } from "../client/chat-client.js";
import { ProblemError } from "../client/rest.js";
import { failRedriveDiscard } from "./smoke-failure.js";

const PATIENCE_MS = 60_000;
/** How late a text's end may be told. */
const EXPIRY_MS = 60_000;
/** What a person waits for. */
const LONGEST_LIFE_MS = 10 * 60_000;
const SCHEDULED_AHEAD_MS = 15_000;
const EMIT_PATIENCE_MS = 5_000;

interface Target {
  readonly functions: string;
  /** Tokens of two users and, if there is one, of an operator. */
  readonly tokens: readonly [string, string, string?];
  readonly serviceBus: () => Promise<ServiceBusClient>;
}

interface Row {
  readonly check: string;
  readonly result: "ok" | "FAILED" | "skipped" | "observed";
  readonly detail: string;
}

const { values } = parseArgs({ options: { env: { type: "string" } } });
const target = values.env === undefined ? await localStack() : deployment(values.env);
const rows: Row[] = [];

async function localStack(): Promise<Target> {
  const file = path.join(process.env["DAYFLY_DATA"] ?? ".local", "stack.json");
  const { functions, issuer, serviceBus } = JSON.parse(await readFile(file, "utf8")) as Record<string, string>;
  const token = async (sub: string, roles: readonly string[] = []): Promise<string> => {
    const response = await fetch(`${issuer ?? ""}/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sub, roles }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  return {
    functions: functions ?? "",
    tokens: [await token("smoke-a"), await token("smoke-b"), await token("smoke-op", ["operator"])],
    serviceBus: () => Promise.resolve(new ServiceBusClient(serviceBus ?? "")),
  };
}

function deployment(environment: string): Target {
  const valueOf = (name: string): string =>
    execFileSync("azd", ["env", "get-value", name, "-e", environment], { encoding: "utf8" }).trim();
  const { SMOKE_TOKEN_A: a, SMOKE_TOKEN_B: b, SMOKE_TOKEN_OPERATOR: operator } = process.env;
  if (a === undefined || b === undefined) {
    console.error("Set SMOKE_TOKEN_A and SMOKE_TOKEN_B: tokens of two users, from your issuer (docs/operations.md).");
    process.exit(1);
  }
  return {
    functions: valueOf("FUNCTIONS_URL"),
    tokens: operator === undefined ? [a, b] : [a, b, operator],
    // As whoever is signed in: needs the roles that DEVELOPER_PRINCIPAL_ID gives.
    serviceBus: async () => {
      const { DefaultAzureCredential } = await import("@azure/identity");
      return new ServiceBusClient(valueOf("SERVICE_BUS__fullyQualifiedNamespace"), new DefaultAzureCredential());
    },
  };
}

/** The user's id is whatever the deployment's claim says; `sub` unless it was changed. */
function userOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as Record<
    string,
    string
  >;
  return claims[process.env["AUTH_USER_CLAIM"] ?? "sub"] ?? "";
}

class Person {
  readonly user: string;
  readonly client: ChatClient;
  readonly #seen: { readonly type: string; readonly id: string | undefined; readonly atMs: number }[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(token: string) {
    this.user = userOf(token);
    const options = { baseUrl: target.functions, token: () => Promise.resolve(token), io, newId: uuidv7 };
    this.client = new ChatClient(options, {
      onChange: (_, { type, messageId }) => {
        this.#seen.push({ type, id: messageId, atMs: performance.now() });
        for (const look of this.#waiting) look();
      },
    });
  }

  /** Resolves with when it was heard. */
  hears(type: string, id: string, patienceMs = PATIENCE_MS): Promise<number> {
    return new Promise((resolve, reject) => {
      const tooLong = setTimeout(() => {
        reject(new Error(`did not hear ${type} within ${String(patienceMs / 1000)} s`));
      }, patienceMs);
      const look = (): void => {
        const found = this.#seen.find((each) => each.type === type && each.id === id);
        if (found === undefined) return;
        clearTimeout(tooLong);
        this.#waiting.delete(look);
        resolve(found.atMs);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** Thrown by a check that cannot be done on this target. */
class Skipped extends Error {}

async function check(what: string, run: () => Promise<string>, result: "ok" | "observed" = "ok"): Promise<void> {
  try {
    rows.push({ check: what, result, detail: await run() });
  } catch (error) {
    if (error instanceof Skipped) {
      rows.push({ check: what, result: "skipped", detail: error.message });
      return;
    }
    const problem = error instanceof ProblemError ? `${String(error.status)} ${error.code}` : String(error);
    rows.push({ check: what, result: "FAILED", detail: problem });
  }
}

await check("ready: every dependency answers", async () => {
  const response = await fetch(`${target.functions}/api/health/ready`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.slice(0, 100);
});

const [tokenA, tokenB, operator] = target.tokens;
const a = new Person(tokenA);
const b = new Person(tokenB);
let conversation = "";

await check("two sockets connect and join", async () => {
  conversation = (await a.client.start([b.user], "smoke")).id;
  await Promise.all([a.client.connect(), b.client.connect()]);
  return conversation;
});

await check("a text is heard", async () => {
  const times: number[] = [];
  for (let n = 0; n < 10; n += 1) {
    const begun = performance.now();
    const { id } = await a.client.send(conversation, `smoke ${String(n)}`);
    times.push((await b.hears("message.created", id)) - begun);
  }
  times.sort((x, y) => x - y);
  return `first to last of ten: ${times.map((each) => each.toFixed(0)).join(", ")} ms`;
});

await check("both agree, and the text is kept; one withdraws", async () => {
  const { id } = await a.client.send(conversation, "smoke: to be kept");
  await b.hears("message.created", id);
  await a.client.api.consent(conversation, id);
  await b.client.api.consent(conversation, id);
  await a.hears("retention.retained", id);
  await b.client.api.withdrawConsent(conversation, id);
  await a.hears("retention.released", id);
  return id;
});

await check("a scheduled text comes in time", async () => {
  const sendAt = new Date(Date.now() + SCHEDULED_AHEAD_MS);
  const { id } = await a.client.api.send(conversation, {
    text: "smoke: later",
    id: uuidv7(),
    sendAt: sendAt.toISOString(),
  });
  await b.hears("message.created", id);
  return `${String(Date.now() - sendAt.getTime())} ms after its time`;
});

await check("a text expires", async () => {
  const { id, expiresInMs } = await a.client.send(conversation, "smoke: soon gone");
  await b.hears("message.created", id);
  if (expiresInMs > LONGEST_LIFE_MS)
    throw new Skipped("it lives for a day here: TEXT_HOURS=0.05 makes that three minutes");
  const ends = performance.now() + expiresInMs;
  const heard = await b.hears("message.expired", id, expiresInMs + EXPIRY_MS + PATIENCE_MS);
  const late = heard - ends;
  if (late > EXPIRY_MS) throw new Error(`${(late / 1000).toFixed(1)} s late`);
  const status = await b.client.api.message(conversation, id).then(
    () => 200,
    (error: unknown) => (error instanceof ProblemError ? error.status : 0),
  );
  if (status !== 410) throw new Error(`its message still answers ${String(status)}`);
  return `${(late / 1000).toFixed(1)} s after its end, then 410`;
});

await check("a text is changed and taken back", async () => {
  const { id } = await a.client.send(conversation, "smoke: a slip");
  await b.hears("message.created", id);
  await a.client.edit(conversation, id, "smoke: what was meant");
  await b.hears("message.updated", id);
  await a.client.api.unsend(conversation, id);
  await b.hears("message.deleted", id);
  return id;
});

/** A file of a's that b has heard of. */
async function sentFile(): Promise<string> {
  const bytes = new TextEncoder().encode("smoke");
  const { id } = await a.client.sendFile(conversation, { name: "smoke.txt", contentType: "text/plain", bytes });
  await b.hears("message.created", id);
  return id;
}

await check("a file is uploaded, opened, read, closed, and gone", async () => {
  const id = await sentFile();
  const view = await b.client.openFile(conversation, id);
  const read = await fetch(view.url);
  const content = await read.text();
  if (content !== "smoke") throw new Error(`GET: ${String(read.status)} ${content.slice(0, 60)}`);
  const begun = performance.now();
  await view.close();
  const toldMs = (await a.hears("file.deleted", id)) - begun;
  const { status } = await fetch(view.url);
  if (status !== 403 && status !== 404) throw new Error(`its URL still answers ${String(status)}`);
  return `told as deleted after ${toldMs.toFixed(0)} ms, then ${String(status)}`;
});

await check("a beacon closes a file, with nothing but its token", async () => {
  const id = await sentFile();
  const view = await b.client.openFile(conversation, id);
  view.abandon();
  const { status } = await fetch(view.beacon.url, { method: "POST", body: view.beacon.body });
  await a.hears("file.deleted", id);
  return String(status);
});

await check("an operator sees a failure, redrives it, discards it", async () => {
  if (operator === undefined) throw new Skipped("SMOKE_TOKEN_OPERATOR is not set");
  const queues = await target.serviceBus();
  try {
    return await failRedriveDiscard(queues, async (method, route) => {
      const headers = { authorization: `Bearer ${operator}` };
      const response = await fetch(`${target.functions}/api/ops/${route}`, { method, headers });
      if (!response.ok) throw new Error(`${route}: ${String(response.status)} ${await response.text()}`);
      return response.json();
    });
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "UnauthorizedAccess") throw error;
    throw new Skipped("whoever is signed in may not send to Service Bus: DEVELOPER_PRINCIPAL_ID");
  } finally {
    await queues.close();
  }
});

// Open points of the Web PubSub stand-in: what the service really does.
await check(
  "Engine.IO's open packet",
  async () => {
    const { endpoint, path: where, token } = await a.client.api.negotiate();
    const url = new URL(`${where.replace(/\/$/, "")}/?EIO=4&transport=websocket&access_token=${token}`, endpoint);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    const open = await new Promise<string>((resolve, reject) => {
      socket.once("message", (data: Buffer) => {
        resolve(data.toString("utf8"));
      });
      socket.once("error", reject);
    });
    socket.close();
    return open.replace(/"sid":"[^"]*"/, '"sid":"…"');
  },
  "observed",
);
await check(
  "a connection without a token is refused",
  async () => {
    const { endpoint, path: where } = await a.client.api.negotiate();
    const response = await fetch(new URL(`${where.replace(/\/$/, "")}/?EIO=4&transport=polling`, endpoint));
    return `${String(response.status)} ${(await response.text()).slice(0, 60)}`;
  },
  "observed",
);

const happens = (socket: Socket, event: string): Promise<unknown[]> =>
  new Promise((resolve) => socket.once(event, (...args: unknown[]) => resolve(args)));

/** What becomes of a socket of b's own after it has emitted. */
async function afterEmitting(event: string, ...args: readonly unknown[]): Promise<string> {
  const { endpoint, path: where, token } = await b.client.api.negotiate();
  const socket = io(endpoint, { path: where, query: { access_token: token }, reconnection: false });
  try {
    await happens(socket, "connect");
    const ended = happens(socket, "disconnect").then(([reason]) => `disconnected: ${String(reason)}`);
    const answered = socket
      .timeout(EMIT_PATIENCE_MS)
      .emitWithAck(event, ...args)
      .then((answer: unknown) => `acknowledged: ${JSON.stringify(answer)}`)
      .catch(() => "stays connected, no acknowledgement");
    return await Promise.race([ended, answered]);
  } finally {
    socket.disconnect();
  }
}

await check("a user event that nobody handles", () => afterEmitting("smoke.unknown", 1), "observed");
await check("a user event that is refused", () => afterEmitting("file.close", { not: "a view" }), "observed");
await check("an event of 1.1 MB", () => afterEmitting("smoke.large", "x".repeat(1_100_000)), "observed");
await check(
  "connecting with a token that is none",
  async () => {
    const { endpoint, path: where } = await a.client.api.negotiate();
    const socket = io(endpoint, { path: where, query: { access_token: "none" }, reconnection: false });
    const [error] = (await happens(socket, "connect_error")) as [Error];
    socket.disconnect();
    return error.message.slice(0, 80);
  },
  "observed",
);

a.client.close();
b.client.close();
const width = Math.max(...rows.map((row) => row.check.length));
for (const row of rows) console.log(`${row.result.padEnd(8)}  ${row.check.padEnd(width)}  ${row.detail}`);
process.exit(rows.some(({ result }) => result === "FAILED") ? 1 : 0);
