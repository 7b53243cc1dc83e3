import { RetainedEnvelope } from "../contracts/queue.js";
import type { Ports, Trace } from "../ports.js";
import { moveRetained } from "./keep-message.js";
import { commanded, parkDeadCommand, type CommandCall, type CommandQueue } from "./park-command.js";

const QUEUE: CommandQueue<RetainedEnvelope> = {
  name: "retained-messages",
  schema: RetainedEnvelope,
  describe: () => "The text could not be moved to its new end.",
};

/**
 * Moves a text that all have agreed to keep. What the row says is done, not what the message says: by now it may have been
 * released. A move that is lost or fails changes nothing of the agreement; the text's first deadline moves it then.
 */
export async function retainMessage(
  ports: Ports,
  body: unknown,
  attempts: number,
  trace: Trace,
): Promise<{ readonly outcome: "moved" | "stale" | "failed" }> {
  const done = await commanded(ports, QUEUE, { body, attempts, trace }, ({ conversation, seq }) =>
    moveRetained(ports, conversation, seq, trace),
  );
  if (done === undefined) return { outcome: "failed" };
  return { outcome: done.result ? "moved" : "stale" };
}

/** Empties the dead-letter queue of `retained-messages`. */
export const failDeadMove = (ports: Ports, call: CommandCall): Promise<{ readonly outcome: "failed" }> =>
  parkDeadCommand(ports, QUEUE, call);
