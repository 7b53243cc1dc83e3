/** The one clock of the stack: keeps its offset, and moves every process that runs with the preload. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setDateOffset } from "../clock/date.js";
import { readLines, writeLine } from "../clock/protocol.js";

/** A process that takes longer is held up, by a debugger for example; the others must not wait for it for ever. */
const ACK_WAIT_MS = 10_000;

export interface ClockServer {
  /** host:port, for `LOCAL_CLOCK`. */
  readonly address: string;
  readonly offsetMs: number;
  /**
   * Moves this process and every connected one. Resolves when all have moved, with the ids of the processes that did not say so
   * in time. A process that dies meanwhile is not waited for.
   */
  moveTo(offsetMs: number): Promise<readonly number[]>;
  stop(): Promise<void>;
}

interface Follower {
  pid: number;
  acknowledged: number;
}

export async function startClockServer(initialOffsetMs: number, ackWaitMs = ACK_WAIT_MS): Promise<ClockServer> {
  const followers = new Map<Socket, Follower>();
  const changed = new EventTarget();
  const tellChange = (): boolean => changed.dispatchEvent(new Event("change"));
  let offsetMs = initialOffsetMs;
  let id = 0;
  setDateOffset(offsetMs);

  const server = createServer({ noDelay: true }, (socket) => {
    // Told at once: a process that connects during a jump must neither miss it nor be forgotten by it.
    followers.set(socket, { pid: 0, acknowledged: -1 });
    writeLine(socket, { id, offsetMs });
    readLines(socket, (value) => {
      const { pid, ack } = value as { pid?: number; ack?: number };
      const follower = followers.get(socket);
      if (follower === undefined) return;
      if (pid !== undefined) follower.pid = pid;
      if (ack !== undefined) follower.acknowledged = ack;
      tellChange();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      followers.delete(socket);
      tellChange();
    });
  });
  await listen(server);

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get offsetMs() {
      return offsetMs;
    },
    async moveTo(next) {
      offsetMs = next;
      id += 1;
      const move = { id, offsetMs };
      for (const socket of followers.keys()) writeLine(socket, move);
      setDateOffset(offsetMs);
      const behind = (): number[] =>
        [...followers.values()].filter((each) => each.acknowledged < move.id).map((each) => each.pid);
      await waitUntil(() => behind().length === 0, changed, ackWaitMs);
      return behind();
    },
    async stop() {
      for (const socket of followers.keys()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
}

function waitUntil(condition: () => boolean, changed: EventTarget, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timeout = setTimeout(end, ms);
    function check(): void {
      if (condition()) end();
    }
    function end(): void {
      clearTimeout(timeout);
      changed.removeEventListener("change", check);
      resolve();
    }
    changed.addEventListener("change", check);
    check();
  });
}
