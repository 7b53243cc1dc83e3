/** POST → socket event on an idle stack, beside a plain Socket.IO server that emits to a room from the same kind of POST. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { ms, percentile, type Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

const ROUNDS = 200;
const WARM_UP = 20;

/** One round: sends, and resolves to the milliseconds until the event is there. */
type Round = (text: string) => Promise<number>;

export async function measureLatency(stack: BenchStack): Promise<readonly Result[]> {
  const [ours, plain] = [await chatRounds(stack), await plainRounds()];
  const times: { ours: number[]; plain: number[] } = { ours: [], plain: [] };
  // In turn, so that whatever else the machine does hits both alike.
  for (let n = -WARM_UP; n < ROUNDS; n++) {
    const [mine, theirs] = [await ours.round(`a ${String(n)}`), await plain.round(`b ${String(n)}`)];
    if (n < 0) continue;
    times.ours.push(mine);
    times.plain.push(theirs);
  }
  await Promise.all([ours.end(), plain.end()]);
  return [50, 99].map((percent) => {
    const [mine, theirs] = [percentile(times.ours, percent), percentile(times.plain, percent)];
    return {
      what: `POST → socket event, p${String(percent)}`,
      value: ms(mine),
      beside: `plain Socket.IO ${ms(theirs)}, ${ms(mine - theirs)} above it`,
      ...(percent === 50 ? { goal: "≤ 15 ms above" } : {}),
    };
  });
}

async function chatRounds(stack: BenchStack): Promise<{ round: Round; end: () => Promise<void> }> {
  const arrivals = new Map<string, () => void>();
  const bo = await stack.person("bo", { onChange: (_, { message }) => arrivals.get(message?.text ?? "")?.() });
  const ana = await stack.person("ana");
  await bo.connect();
  const { id } = await ana.start(["bo"]);
  return {
    round: async (text) => {
      const arrived = new Promise<void>((resolve) => arrivals.set(text, resolve));
      const begun = performance.now();
      await Promise.all([ana.api.send(id, { text }), arrived]);
      return performance.now() - begun;
    },
    end: () => {
      bo.close();
      return Promise.resolve();
    },
  };
}

async function plainRounds(): Promise<{ round: Round; end: () => Promise<void> }> {
  const http = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      server.to("room").emit("message", JSON.parse(body) as unknown);
      response.writeHead(202).end();
    });
  });
  const server = new Server(http);
  server.on("connection", (socket) => void socket.join("room"));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${String((http.address() as AddressInfo).port)}`;
  const socket = io(address, { transports: ["websocket"] });
  await new Promise<void>((resolve) => socket.on("connect", resolve));
  return {
    round: async (text) => {
      const arrived = new Promise<void>((resolve) => socket.once("message", () => resolve()));
      const begun = performance.now();
      await Promise.all([
        fetch(address, {
          method: "POST",
          body: JSON.stringify({ text }),
          headers: { "content-type": "application/json" },
        }),
        arrived,
      ]);
      return performance.now() - begun;
    },
    end: async () => {
      socket.disconnect();
      await server.close();
    },
  };
}
