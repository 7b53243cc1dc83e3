/**
 * One event to all sockets of a room: from the call to its arrival at the last socket.
 *
 * Side by side, in turns: `io.to(room).emit` of a plain Socket.IO server, called within its process; and a REST call of the real
 * SDK from this process to the Web PubSub stand-in in another. All sockets are in one more process.
 */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebPubSubServiceClient } from "@azure/web-pubsub";
import { Server } from "socket.io";
import WebSocket from "ws";

const SOCKETS = 1_000;
const WARM_UP_ROUNDS = 30;
const ROUNDS = 200;
/** About what a chat message is: 341 bytes as a packet. */
const ARGUMENT = { conversationId: "c".repeat(36), seq: 1, at: "2026-01-01T00:00:00.000Z", text: "x".repeat(220) };

interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface FanOut {
  readonly name: string;
  readonly sockets: number;
  readonly rounds: number;
  readonly plain: Spread;
  readonly standIn: Spread;
  /** p50 of the stand-in over p50 of plain Socket.IO; the goal is 1.05 at most. */
  readonly ratio: number;
}

/** Takes about ten seconds. */
export async function measureFanOut(sockets = SOCKETS, rounds = ROUNDS): Promise<FanOut> {
  const self = fileURLToPath(import.meta.url);
  const plain = fork(self, ["plain"]);
  const receivers = fork(self, ["receivers"]);
  const standIn = spawn(
    process.execPath,
    [path.join(path.dirname(self), "../local/cli.js"), "web-pubsub", "--port", "0", "--access-key", "bench"],
    { stdio: ["ignore", "pipe", "inherit", "ipc"] },
  );
  try {
    const plainUrl = ((await message(plain)) as { url: string }).url;
    const service = new WebPubSubServiceClient(await connectionStringOf(standIn), "bench", {
      allowInsecureConnection: true,
    });
    const { url } = await service.getClientAccessToken({ clientProtocol: "socketio" });
    receivers.send({ sockets, urls: [plainUrl, `${url}&EIO=4&transport=websocket`] });
    await message(receivers);

    const room = service.group("0~Lw~cm0");
    await service.addConnectionsToGroups(["0~Lw~cm0"], "");
    const packet = `42${JSON.stringify(["message", ARGUMENT])}`;
    const timings: { readonly plain: number[]; readonly standIn: number[] } = { plain: [], standIn: [] };
    const measurePlain = (): Promise<number> => timed(receivers, () => plain.send("emit"), message(plain));
    const measureStandIn = (): Promise<number> =>
      timed(receivers, () => room.sendToAll(packet, { contentType: "text/plain" }), { start: now() });
    for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
      // In turns of A B, B A: what follows what must not matter.
      const first = round % 2 === 0 ? measurePlain : measureStandIn;
      const firstMs = await first();
      const secondMs = await (first === measurePlain ? measureStandIn : measurePlain)();
      if (round < 0) continue;
      timings.plain.push(first === measurePlain ? firstMs : secondMs);
      timings.standIn.push(first === measurePlain ? secondMs : firstMs);
    }
    const [ofPlain, ofStandIn] = [spread(timings.plain), spread(timings.standIn)];
    const ratio = Number((ofStandIn.p50Ms / ofPlain.p50Ms).toFixed(3));
    return { name: "fan-out", sockets, rounds, plain: ofPlain, standIn: ofStandIn, ratio };
  } finally {
    for (const child of [plain, receivers, standIn]) child.kill();
  }
}

/** Milliseconds on a clock that all processes of this machine share. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** From the start (told by whoever made the call) to the last arrival (told by the receivers). */
async function timed(receivers: ChildProcess, call: () => unknown, started: unknown): Promise<number> {
  const arrived = message(receivers);
  await Promise.all([call(), arrived]);
  const { start } = (await started) as { start: number };
  return ((await arrived) as { end: number }).end - start;
}

async function message(child: ChildProcess): Promise<unknown> {
  const [value] = (await once(child, "message")) as [unknown];
  return value;
}

async function connectionStringOf({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error("The stand-in has no output.");
  const [line] = (await once(createInterface(stdout), "line")) as [string];
  return (JSON.parse(line) as { connectionString: string }).connectionString;
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(2));
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

function runPlainServer(): void {
  const http = createServer();
  const io = new Server(http);
  io.on("connection", (socket) => {
    void socket.join("rm");
  });
  process.on("message", () => {
    const start = now();
    io.to("rm").emit("message", ARGUMENT);
    process.send?.({ start });
  });
  http.listen(0, "127.0.0.1", () => {
    const { port } = http.address() as AddressInfo;
    process.send?.({ url: `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket` });
  });
}

/** Opens the sockets; after that says when an event has arrived at the last of them. */
function runReceivers(): void {
  process.once("message", ({ sockets, urls }: { sockets: number; urls: string[] }) => {
    void openAll(sockets, urls);
  });
}

async function openAll(sockets: number, urls: readonly string[]): Promise<void> {
  let arrivals = 0;
  const arrived = (): void => {
    arrivals += 1;
    if (arrivals < sockets) return;
    arrivals = 0;
    process.send?.({ end: now() });
  };
  for (const url of urls) {
    for (let i = 0; i < sockets; i += 1) await openSocket(url, arrived);
  }
  process.send?.("ready");
}

/** The least that is a Socket.IO client, so that the servers are what is measured. */
function openSocket(url: string, arrived: () => void): Promise<void> {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data: Buffer) => {
      // Engine.IO: 0 open, 2 ping; Socket.IO: 40 connect, 42 event.
      if (data[0] === 0x30) socket.send("40");
      else if (data[0] === 0x32) socket.send("3");
      else if (data[1] === 0x30) resolve();
      else arrived();
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Whoever started it is gone: so is the reason to run.
  process.on("disconnect", () => process.exit());
  const role = process.argv[2];
  if (role === "plain") runPlainServer();
  else if (role === "receivers") runReceivers();
  else console.log(JSON.stringify(await measureFanOut()));
}
