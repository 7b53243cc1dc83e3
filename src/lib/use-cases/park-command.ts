/** Failures of messages that carry no text: deadlines, moves. They stay until an operator redrives or discards them. */
import type { z } from "zod";
import { failureId } from "../ids.js";
import type { Ports, Trace } from "../ports.js";
import { orPause, patiently } from "./patience.js";

const LIFETIME_MS = 31 * 24 * 3_600_000;

/** A queue of commands: its contract, and how a person names one. */
export interface CommandQueue<Command extends { readonly conversation: string }> {
  readonly name: string;
  readonly schema: z.ZodType<Command>;
  readonly describe: (command: Command) => string;
}

/**
 * Carries out what came through the queue, with patience; what breaks its contract is parked.
 * @returns what `carryOut` answers, or undefined when it was parked
 */
export async function commanded<Command extends { readonly conversation: string }, Result>(
  ports: Ports,
  queue: CommandQueue<Command>,
  call: { readonly body: unknown; readonly attempts: number; readonly trace: Trace },
  carryOut: (command: Command) => Promise<Result>,
): Promise<{ readonly command: Command; readonly result: Result } | undefined> {
  const parsed = queue.schema.safeParse(call.body);
  if (!parsed.success) {
    await patiently(ports.clock, () => park(ports, queue, call));
    return undefined;
  }
  return { command: parsed.data, result: await patiently(ports.clock, () => carryOut(parsed.data)) };
}

/** Empties the queue's dead-letter queue: waits before it throws, because delivery counts do not rise there. */
export async function parkDeadCommand<Command extends { readonly conversation: string }>(
  ports: Ports,
  queue: CommandQueue<Command>,
  call: { readonly body: unknown; readonly attempts: number; readonly trace: Trace },
): Promise<{ readonly outcome: "failed" }> {
  await orPause(ports.clock, () => park(ports, queue, call));
  return { outcome: "failed" };
}

async function park<Command extends { readonly conversation: string }>(
  ports: Ports,
  queue: CommandQueue<Command>,
  { body, attempts, trace }: { readonly body: unknown; readonly attempts: number; readonly trace: Trace },
): Promise<void> {
  const parsed = queue.schema.safeParse(body);
  await ports.queues.sendFailure(
    {
      v: 1,
      id: failureId([queue.name, body]),
      queue: queue.name,
      reason: parsed.success ? "attempts-exhausted" : "contract-violation",
      detail: parsed.success ? queue.describe(parsed.data) : `The message is not what '${queue.name}' carries.`,
      at: new Date(ports.clock.now()).toISOString(),
      attempts,
      ...(parsed.success ? { conversation: parsed.data.conversation } : {}),
      original: body,
    },
    LIFETIME_MS,
    trace,
  );
}
