/** Failures of messages that carry no text: deadlines, moves. They stay until an operator redrives or discards them. */
import type { z } from "zod";
import { COMMAND_LIFETIME_MS } from "../domain/failure.js";
import { isRefused, type ErrorCode } from "../errors.js";
import { failureId } from "../ids.js";
import type { Ports, Trace } from "../ports.js";
import { orPause, patiently } from "./patience.js";

interface AnyCommand {
  readonly v: number;
  readonly conversation?: string | undefined;
}

export interface CommandCall {
  readonly body: unknown;
  readonly attempts: number;
  readonly trace: Trace;
  /** In a dead-letter queue: why the broker put it there. */
  readonly deadLetterReason?: string | undefined;
}

/** A queue of commands: its contract, and how a person names one. */
export interface CommandQueue<Command extends AnyCommand> {
  readonly name: string;
  readonly schema: z.ZodType<Command>;
  readonly describe: (command: Command) => string;
}

/**
 * Carries out what came through the queue, with patience; what breaks its contract is parked.
 * @returns what `carryOut` answers, or undefined when it was parked
 */
export async function commanded<Command extends AnyCommand, Result>(
  ports: Ports,
  queue: CommandQueue<Command>,
  call: CommandCall,
  carryOut: (command: Command) => Promise<Result>,
): Promise<{ readonly command: Command; readonly result: Result } | undefined> {
  const parsed = queue.schema.safeParse(call.body);
  if (!parsed.success) {
    await patiently(ports.clock, () => park(ports, queue, call));
    return undefined;
  }
  try {
    return { command: parsed.data, result: await patiently(ports.clock, () => carryOut(parsed.data)) };
  } catch (error) {
    if (!isRefused(error)) throw error;
    await patiently(ports.clock, () => park(ports, queue, call, "dependency-refused"));
    return undefined;
  }
}

/** Empties the queue's dead-letter queue: waits before it throws, because delivery counts do not rise there. */
export async function parkDeadCommand<Command extends AnyCommand>(
  ports: Ports,
  queue: CommandQueue<Command>,
  call: CommandCall,
): Promise<{ readonly outcome: "failed" }> {
  await orPause(ports.clock, () => park(ports, queue, call));
  return { outcome: "failed" };
}

async function park<Command extends AnyCommand>(
  ports: Ports,
  queue: CommandQueue<Command>,
  { body, attempts, trace, deadLetterReason }: CommandCall,
  refused?: ErrorCode,
): Promise<void> {
  const parsed = queue.schema.safeParse(body);
  const now = ports.clock.now();
  const reason: ErrorCode = !parsed.success
    ? "contract-violation"
    : (refused ?? (deadLetterReason === "TTLExpiredException" ? "not-taken-in-time" : "attempts-exhausted"));
  const { conversation } = parsed.data ?? {};
  await ports.queues.sendFailure(
    {
      v: 1,
      id: failureId([queue.name, body]),
      queue: queue.name,
      reason,
      detail: parsed.success ? queue.describe(parsed.data) : `The message is not what '${queue.name}' carries.`,
      at: new Date(now).toISOString(),
      attempts: Math.max(1, attempts),
      endsAt: new Date(now + COMMAND_LIFETIME_MS).toISOString(),
      ...(conversation === undefined ? {} : { conversation }),
      original: body,
    },
    COMMAND_LIFETIME_MS,
    trace,
  );
}
