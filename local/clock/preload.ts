/**
 * `node --import=<URL of this file>`: lets the control move this process' `Date`.
 *
 * Every process of the stack is started so, Azurite included. `LOCAL_CLOCK` (host:port) says where the control is; without it
 * this file does nothing. The top-level await lets the main module, also a CommonJS one, start with the right time. A control
 * that is gone changes nothing: the process keeps its time and goes on looking for it.
 */
import { connect } from "node:net";
import { installMovableDate, setDate } from "./date.js";
import { readLines, writeLine, type Move } from "./protocol.js";

const RECONNECT_MS = 250;
/** A process must be able to start although its control does not answer. */
const FIRST_WAIT_MS = 2_000;

const address = process.env["LOCAL_CLOCK"];
if (address !== undefined && address !== "") await follow(address);

/** Resolves when the time is known, or when there is nobody to ask. */
function follow(address: string): Promise<void> {
  installMovableDate();
  const separator = address.lastIndexOf(":");
  const options = { host: address.slice(0, separator), port: Number(address.slice(separator + 1)) };
  return new Promise((resolve) => {
    const giveUp = setTimeout(resolve, FIRST_WAIT_MS);
    const attempt = (): void => {
      const socket = connect({ ...options, noDelay: true });
      socket.on("connect", () => {
        writeLine(socket, { pid: process.pid });
      });
      readLines(socket, (value) => {
        const { id, ...setting } = value as Move;
        setDate(setting);
        writeLine(socket, { ack: id });
        clearTimeout(giveUp);
        // From here on the connection alone must not keep a process from ending.
        socket.unref();
        resolve();
      });
      // Nobody there: real time it is, for the time being. "close" follows, and tries again.
      socket.on("error", resolve);
      socket.on("close", () => setTimeout(attempt, RECONNECT_MS).unref());
    };
    attempt();
  });
}
