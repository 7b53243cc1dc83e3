import { readFile } from "node:fs/promises";
import { z } from "zod";
import { parseIsoDuration } from "../clock/duration.js";
import { StartError } from "../part.js";
import { DEFAULT_SETTINGS, type QueueSettings } from "./broker/settings.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** An ISO 8601 duration within limits, in milliseconds. */
function duration(least: number, most: number, limits: string): z.ZodType<number> {
  return z.string().transform((text, context) => {
    const value = parseIsoDuration(text);
    if (value !== undefined && value >= least && value <= most) return value;
    context.addIssue(`must be an ISO 8601 duration ${limits}, but is "${text}"`);
    return z.NEVER;
  });
}

const wholeNumber = (least: number, most: number): z.ZodNumber => z.int().min(least).max(most);

const name = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,258}[A-Za-z0-9_])?$/, "must be letters, digits, and . - _ / in between");

/** Limits are Azure's, but locks may be as short as a second (SB-08). */
const queueFields = z.strictObject({
  name,
  requiresSession: z.boolean().optional(),
  defaultMessageTimeToLive: duration(SECOND, Infinity, "of a second or more").optional(),
  deadLetteringOnMessageExpiration: z.boolean().optional(),
  requiresDuplicateDetection: z.boolean().optional(),
  duplicateDetectionHistoryTimeWindow: duration(20 * SECOND, 7 * DAY, "between PT20S and P7D").optional(),
  lockDuration: duration(SECOND, 5 * MINUTE, "between PT1S and PT5M").optional(),
  maxDeliveryCount: wholeNumber(1, 2_000).optional(),
  maxSizeInMegabytes: wholeNumber(1, 81_920).optional(),
  maxMessageSizeInKilobytes: wholeNumber(1, 102_400).optional(),
  expireWholeSession: z.boolean().optional(),
  forwardDeadLetteredMessagesTo: name.optional(),
  autoDeleteOnIdle: duration(5 * MINUTE, Infinity, "of PT5M or more").optional(),
});

/** "Autoforwarding isn't supported for session-enabled queues": Azure's page on it. */
const queueSchema = queueFields.superRefine((queue, context) => {
  const { forwardDeadLetteredMessagesTo: target } = queue;
  const refuse = (problem: string): void => {
    context.addIssue({ code: "custom", path: ["forwardDeadLetteredMessagesTo"], message: problem });
  };
  if (target === undefined) return;
  if (queue.requiresSession === true) refuse("is not possible for a queue that requires sessions");
  if (target.toLowerCase() === queue.name.toLowerCase()) refuse("must be another queue");
});

/** The rest of the file is other parts' business. */
const topologySchema = z.object({ queues: z.array(queueSchema) });

/** Reads and checks a topology file. Rejects with a `StartError` that names file and field. */
export async function readTopology(file: string): Promise<readonly QueueSettings[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    throw new StartError(`The topology ${file} cannot be read. Say with --topology which file describes the queues.`);
  }
  try {
    return parseTopology(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) throw new StartError(`The topology ${file} is not JSON: ${error.message}`);
    if (error instanceof StartError) throw new StartError(`The topology ${file} is not valid. ${error.message}`);
    throw error;
  }
}

/** The settings of all queues of a namespace. Throws a `StartError` that names the field. */
export function parseTopology(value: unknown): readonly QueueSettings[] {
  const queues = parseQueues(value);
  const names = new Set(queues.map((queue) => queue.name.toLowerCase()));
  for (const { name: from, forwardDeadLetteredMessagesTo: target } of queues) {
    if (target === undefined || names.has(target.toLowerCase())) continue;
    throw new StartError(`The queue "${from}" forwards dead letters to "${target}", and there is no such queue.`);
  }
  return queues;
}

/** As `parseTopology`, without a look at queues that are named and not described. */
export function parseQueues(value: unknown): readonly QueueSettings[] {
  const result = topologySchema.safeParse(value);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const unknown = issue.code === "unrecognized_keys" ? ". This service bus does not support that setting" : "";
      return `${issue.path.join(".") || "the file"}: ${issue.message}${unknown}`;
    });
    throw new StartError(`${problems.join("; ")}.`);
  }
  const names = new Set<string>();
  for (const queue of result.data.queues) {
    const lower = queue.name.toLowerCase();
    if (names.has(lower)) throw new StartError(`There are two queues with the name "${queue.name}".`);
    names.add(lower);
  }
  return result.data.queues.map((queue) => ({ ...DEFAULT_SETTINGS, ...withoutUndefined(queue) }));
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
