/**
 * What the control and the processes of the stack say to each other about time: lines of JSON over loopback TCP.
 *
 * A process says who it is and is told the setting at once; every `Move` is answered by an `Ack` once `Date` has moved and the
 * process' listeners have been called.
 */
import type { Socket } from "node:net";
import type { ClockSetting } from "./date.js";

export interface Hello {
  readonly pid: number;
}

export type Move = ClockSetting & { readonly id: number };

export interface Ack {
  readonly ack: number;
}

/** A peer that sends more than this without a line's end does not speak this protocol. */
const LONGEST_LINE = 1024;

/** Calls back with each line's JSON value; a peer that sends anything else is cut off. */
export function readLines(socket: Socket, onValue: (value: unknown) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    try {
      for (const line of lines) onValue(JSON.parse(line));
    } catch {
      socket.destroy();
    }
    if (rest.length > LONGEST_LINE) socket.destroy();
  });
}

export function writeLine(socket: Socket, value: Hello | Move | Ack): void {
  socket.write(`${JSON.stringify(value)}\n`);
}
