/** The one clock of the stack: keeps its setting, and moves every process that runs with the preload. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { machineNow, setDate, type ClockSetting } from "../clock/date.js";
import { readLines, writeLine } from "../clock/protocol.js";

/** A process that takes longer is held up, by a debugger for example; the others must not wait for it for ever. */
const ACK_WAIT_MS = 10_000;

export interface ClockServer {
  /** host:port, for `LOCAL_CLOCK`. */
  readonly address: string;
  readonly setting: ClockSetting;
  /** How far it is from the machine's time; while it stands this falls behind. */
  readonly offsetMs: number;
  /**
   * Moves this process and every connected one. Resolves when all have moved, with the ids of the processes that did not say so
   * in time. A process that dies meanwhile is not waited for.
   */
  moveTo(setting: ClockSetting): Promise<readonly number[]>;
  stop(): Promise<void>;
}

interface Follower {
  pid: number;
  acknowledged: number;
}

export async function startClockServer(initial: ClockSetting, ackWaitMs = ACK_WAIT_MS): Promise<ClockServer> {
  const followers = new Map<Socket, Follower>();
  const changed = new EventTarget();
  const tellChange = (): boolean => changed.dispatchEvent(new Event("change"));
  let setting = initial;
  let id = 0;
  setDate(setting);

  const server = createServer({ noDelay: true }, (socket) => {
    // Told at once: a process that connects during a jump must neither miss it nor be forgotten by it.
    followers.set(socket, { pid: 0, acknowledged: -1 });
    writeLine(socket, { ...setting, id });
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
    get setting() {
      return setting;
    },
    get offsetMs() {
      return "frozenAt" in setting ? setting.frozenAt - machineNow() : setting.offsetMs;
    },
    async moveTo(next) {
      setting = next;
      id += 1;
      const move = { ...setting, id };
      for (const socket of followers.keys()) writeLine(socket, move);
      setDate(setting);
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
