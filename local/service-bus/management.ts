/** What is in the queues, as JSON over HTTP, for people, tests and the control of a local stack. Reads only. */
import { RequestError, startLoopbackServer, type LoopbackServer } from "../loopback-server.js";
import type { Broker } from "./broker/broker.js";
import type { Queue } from "./broker/queue.js";

export async function startManagement(broker: Broker, port: number): Promise<LoopbackServer> {
  return startLoopbackServer(port, ({ method, url }) => {
    if (method !== "GET") throw new RequestError(405, "The service bus' management is for reading: GET.");
    const [, kind, ...rest] = url.pathname.split("/");
    const name = decodeURIComponent(rest.join("/"));
    if (kind === "health" && name === "") return { status: 200, body: { status: "up" } };
    if (kind !== "queues")
      throw new RequestError(404, "The service bus answers GET /health, /queues and /queues/{name}.");
    // Time may have been moved just now.
    broker.fallDue();
    if (name === "") return { status: 200, body: [...broker.queues()].map(describe) };
    const queue = broker.queue(name);
    if (queue === undefined) throw new RequestError(404, `There is no queue '${name}'.`);
    return { status: 200, body: describe(queue) };
  });
}

/** Times of settings in milliseconds; null for a time to live without end. */
function describe(queue: Queue): object {
  const { settings, sessions, receivers } = queue;
  return { ...settings, ...queue.counts(), receivers, waitingForSession: sessions.waiting };
}
