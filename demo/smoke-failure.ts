/** What the smoke does as an operator: a message that cannot be processed, seen, redriven and discarded. */
import type { ServiceBusClient } from "@azure/service-bus";
import { setTimeout as wait } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";

/** Failures are written down by a timer: once a minute on Azure. */
const PATIENCE_MS = 150_000;
const POLL_MS = 1_000;
const LIFE_MS = 10 * 60_000;

/** What of a failure is looked at: docs/openapi.json has it whole. */
interface Failure {
  readonly id: string;
  readonly messageId?: string;
  readonly state: string;
  readonly reason: string;
  readonly attempts: number;
}

/** Sends a text for a conversation that there is not; `ask` calls `/api/ops/{route}` as an operator. Resolves to what was seen. */
export async function failRedriveDiscard(
  queues: ServiceBusClient,
  ask: (method: string, route: string) => Promise<unknown>,
): Promise<string> {
  const id = uuidv7();
  await sendToNowhere(queues, id);
  const begun = performance.now();
  const failed = await failureWhen(ask, id, ({ state }) => state === "parked");
  const seconds = (performance.now() - begun) / 1_000;
  await ask("POST", `failures/${failed.id}/redrive`);
  const again = await failureWhen(ask, id, (each) => each.state === "parked" && each.attempts > failed.attempts);
  if (again.id !== failed.id) throw new Error("the redriven message failed as another failure");
  await ask("POST", `failures/${failed.id}/discard`);
  await failureWhen(ask, id, ({ state }) => state === "discarded");
  return `${failed.reason} after ${seconds.toFixed(1)} s, again after its redrive, then discarded`;
}

async function sendToNowhere(queues: ServiceBusClient, id: string): Promise<void> {
  const now = Date.now();
  const body = {
    v: 1,
    ...{ id, conversation: uuidv7(), author: "smoke", text: "smoke: to nobody", attempt: 1 },
    ...{ sentAt: new Date(now).toISOString(), endsAt: new Date(now + LIFE_MS).toISOString() },
  };
  const sender = queues.createSender("text-messages");
  const message = { body, sessionId: body.conversation, messageId: id, contentType: "application/json" };
  await sender.sendMessages({ ...message, timeToLive: LIFE_MS });
  await sender.close();
}

async function failureWhen(
  ask: (method: string, route: string) => Promise<unknown>,
  messageId: string,
  isIt: (failure: Failure) => boolean,
): Promise<Failure> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const { items } = (await ask("GET", "failures?queue=text-messages&limit=100")) as { items: readonly Failure[] };
    const found = items.find((each) => each.messageId === messageId && isIt(each));
    if (found !== undefined) return found;
    await wait(POLL_MS);
  }
  throw new Error(`the failure was not seen within ${String(PATIENCE_MS / 1_000)} s`);
}
