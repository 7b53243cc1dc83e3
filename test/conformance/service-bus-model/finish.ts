/** Takes everything out, through the SDK and in its order: the next run begins with empty queues. */
import { accepted, agree, availableAt, deferred, expectSame, locked, scheduled } from "./commands.js";
import type { Bus, Where } from "./bus.js";
import { QUEUES, type Entry, type Model, type QueueName } from "./model.js";
import { SESSIONS } from "./sending.js";

export async function finish(model: Model, bus: Bus): Promise<void> {
  for (const entry of locked(model)) await complete(model, bus, entry);
  for (const entry of scheduled(model)) {
    await bus.cancel(entry);
    model.become(entry, undefined);
  }
  for (const queue of Object.keys(QUEUES) as QueueName[]) {
    await empty(model, bus, { queue, dead: true });
    if (queue !== "sessions") await empty(model, bus, { queue, dead: false });
  }
  for (const session of SESSIONS) {
    if (!model.held.has(session)) {
      await bus.accept(session);
      await accepted(model, bus, session);
    }
    await empty(model, bus, { queue: "sessions", dead: false, session });
    await bus.setState(session, undefined);
    await bus.release(session);
  }
  await agree(model, bus);
}

async function empty(model: Model, bus: Bus, where: Where): Promise<void> {
  const entries = availableAt(model, where);
  if (entries.length > 0) expectSame(await bus.receive(where, entries.length, "peekLock"), entries);
  const later = deferred(model, where);
  if (later.length > 0) expectSame(await bus.receiveDeferred(where, later), later);
  for (const entry of [...entries, ...later]) await complete(model, bus, entry);
}

async function complete(model: Model, bus: Bus, entry: Entry): Promise<void> {
  await bus.settle(entry, "complete");
  model.become(entry, undefined);
}
