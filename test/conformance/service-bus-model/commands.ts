/** What a user of the queues does, one thing after the other; after each the queues must hold what the model says. */
import { expect } from "@jest/globals";
import fc from "fast-check";
import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import type { Bus, Settlement, Where } from "./bus.js";
import { nothingInterrupted, type Entry, type Fate, type Interrupted, type Model, type QueueName } from "./model.js";
import { drafts, entryOf, messageOf, SESSIONS } from "./sending.js";

export type Command = fc.AsyncCommand<Model, Bus>;

const MINUTE = 60_000;
/** Not a whole hour: what falls due in whole and half hours is never due at the same moment as the jump. */
export const JUMP_MS = 65 * MINUTE;
const LONGEST_SETTLE_MS = 20_000;

export const SETTLEMENTS = ["complete", "abandon", "defer", "dead-letter"] as const;
export const wheres: fc.Arbitrary<Where> = fc.record({
  queue: fc.constantFrom<QueueName>("plain", "sessions", "once"),
  dead: fc.boolean(),
  session: fc.constantFrom(...SESSIONS),
});

export function command(
  name: string,
  ready: (model: Model) => boolean,
  run: (model: Model, bus: Bus) => Promise<void>,
): Command {
  return {
    check: ready,
    run: async (model, bus) => {
      model.steps++;
      await run(model, bus);
      await agree(model, bus);
    },
    toString: () => name,
  };
}

/** Looks until the queues hold what the model says: activation and expiry take a moment. */
export async function agree(model: Model, bus: Bus, interrupted: Interrupted = nothingInterrupted()): Promise<void> {
  const end = performance.now() + LONGEST_SETTLE_MS;
  for (;;) {
    const problem = model.reconcile(await bus.look(), interrupted);
    if (problem === undefined) return;
    if (performance.now() > end) throw new Error(problem);
  }
}

export const some = <Item>(items: readonly Item[], n: number): Item => {
  const item = items[n % items.length];
  if (item === undefined) throw new Error("There is nothing to choose from.");
  return item;
};

/** A session's messages want its lock; dead letters have none. */
export function place({ queue, dead, session }: Where): Where {
  return { queue, dead, session: queue === "sessions" && !dead ? session : undefined };
}

const isOpen = (model: Model, { session }: Where): boolean => session === undefined || model.held.has(session);

export function availableAt(model: Model, where: Where): Entry[] {
  const { queue, dead, session } = place(where);
  return isOpen(model, place(where)) ? model.available(queue, dead, session) : [];
}

export function fateOf(model: Model, entry: Entry, settlement: Settlement): Fate {
  if (settlement === "complete") return undefined;
  if (settlement === "abandon") return model.failed(entry);
  return settlement === "defer" ? model.deferred(entry) : model.deadLettered(entry);
}

export const locked = (model: Model): Entry[] => model.all().filter((entry) => entry.locked);

/** SB-03, SB-04, SB-11: these, in this order, with these counts, and whole. */
export function expectSame(messages: readonly ServiceBusReceivedMessage[], entries: readonly Entry[]): void {
  const view = messages.map((message) => [
    message.messageId,
    message.sequenceNumber?.toNumber(),
    message.deliveryCount,
    message.body as unknown,
  ]);
  expect(view).toEqual(entries.map(({ id, status, body }) => [id, status.number, status.count, body]));
}

const send = drafts.map((draft) =>
  command(
    `send(${JSON.stringify(draft)})`,
    () => true,
    async (model, bus) => {
      const entry = entryOf(model, draft, bus.now());
      await bus.send(entry.queue, messageOf(entry));
      model.add(entry);
    },
  ),
);

const sendBatch = fc.tuple(drafts, fc.integer({ min: 2, max: 5 })).map(([draft, size]) =>
  command(
    `batch(${size} x ${JSON.stringify(draft)})`,
    () => true,
    async (model, bus) => {
      const entries = Array.from({ length: size }, (_, n) => entryOf(model, { ...draft, id: draft.id + n }, bus.now()));
      await bus.send(draft.queue, entries.map(messageOf));
      for (const entry of entries) model.add(entry);
    },
  ),
);

const schedule = fc.tuple(drafts, fc.integer({ min: 1, max: 3 })).map(([draft, hours]) =>
  command(
    `schedule(${JSON.stringify(draft)}, ${hours} h)`,
    () => true,
    async (model, bus) => {
      const entry = entryOf(model, draft, bus.now(), hours);
      await bus.schedule(entry.queue, messageOf(entry), entry.scheduledFor ?? 0);
      model.add(entry);
    },
  ),
);

export const scheduled = (model: Model): Entry[] => model.all().filter(({ status }) => status.state === "scheduled");

const cancel = fc.nat().map((n) =>
  command(
    `cancel(${n})`,
    (model) => scheduled(model).length > 0,
    async (model, bus) => {
      const entry = some(scheduled(model), n);
      await bus.cancel(entry);
      model.become(entry, undefined);
    },
  ),
);

const receive = fc.tuple(wheres, fc.integer({ min: 1, max: 4 })).map(([where, most]) =>
  command(
    `receive(${most} of ${JSON.stringify(where)})`,
    (model) => availableAt(model, where).length > 0,
    async (model, bus) => {
      const entries = availableAt(model, where).slice(0, most);
      expectSame(await bus.receive(place(where), entries.length, "peekLock"), entries);
      for (const entry of entries) entry.locked = true;
    },
  ),
);

const receiveAndDelete = fc.tuple(wheres, fc.integer({ min: 1, max: 3 })).map(([where, most]) =>
  command(
    `receiveAndDelete(${most} of ${JSON.stringify(where)})`,
    (model) => place(where).session === undefined && availableAt(model, where).length > 0,
    async (model, bus) => {
      const entries = availableAt(model, where).slice(0, most);
      expectSame(await bus.receive(place(where), entries.length, "receiveAndDelete"), entries);
      for (const entry of entries) model.become(entry, undefined);
    },
  ),
);

const settle = fc.tuple(fc.nat(), fc.constantFrom<Settlement>(...SETTLEMENTS)).map(([n, settlement]) =>
  command(
    `${settlement}(${n})`,
    (model) => locked(model).length > 0,
    async (model, bus) => {
      const entry = some(locked(model), n);
      if (settlement === "dead-letter" && entry.status.reason !== undefined) {
        // SB-32: refused, and the lock is gone.
        await expect(bus.settle(entry, settlement)).rejects.toMatchObject({ code: "GeneralError" });
        entry.locked = false;
        return;
      }
      await bus.settle(entry, settlement);
      model.become(entry, fateOf(model, entry, settlement));
    },
  ),
);

export function deferred(model: Model, where: Where): Entry[] {
  const { queue, dead, session } = place(where);
  if (!isOpen(model, place(where))) return [];
  const all = model.all(queue).filter(({ status, locked: has }) => status.state === "deferred" && !has);
  return all.filter(
    (each) => (each.status.reason !== undefined) === dead && (session ?? each.session) === each.session,
  );
}

const receiveDeferred = fc.tuple(wheres, fc.nat()).map(([where, n]) =>
  command(
    `receiveDeferred(${n} of ${JSON.stringify(where)})`,
    (model) => deferred(model, where).length > 0,
    async (model, bus) => {
      const entry = some(deferred(model, where), n);
      expectSame(await bus.receiveDeferred(place(where), [entry]), [entry]);
      entry.locked = true;
    },
  ),
);

const loseLocks = fc.constantFrom<QueueName>("plain", "sessions", "once").map((queue) =>
  command(
    `loseLocks(${queue})`,
    (model) => locked(model).some((entry) => entry.queue === queue),
    async (model, bus) => {
      await bus.loseLocks(queue);
      for (const entry of locked(model)) if (entry.queue === queue) model.become(entry, model.failed(entry));
      if (queue === "sessions") model.held.clear();
    },
  ),
);

const jump = fc.constant(
  command(
    "jump",
    () => true,
    async (model, bus) => {
      await bus.advance(JUMP_MS);
      model.passTo(bus.now());
    },
  ),
);

/** The free session whose first message has the lowest number (SB-50). */
function nextSession(model: Model): string | undefined {
  return model.available("sessions", false).find(({ session = "" }) => !model.held.has(session))?.session;
}

export async function accepted(model: Model, bus: Bus, session: string): Promise<void> {
  model.held.add(session);
  const state = await bus.state(session);
  expect(model.states.get(session) ?? [undefined]).toContainEqual(state);
  model.states.set(session, [state]);
}

const acceptNext = fc.constant(
  command(
    "acceptNext",
    (model) => nextSession(model) !== undefined,
    async (model, bus) => {
      const session = await bus.accept(undefined);
      expect(session).toBe(nextSession(model));
      await accepted(model, bus, session);
    },
  ),
);

const accept = fc.constantFrom(...SESSIONS).map((session) =>
  command(
    `accept(${session})`,
    (model) => !model.held.has(session),
    async (model, bus) => {
      await bus.accept(session);
      await accepted(model, bus, session);
    },
  ),
);

const setState = fc.tuple(fc.constantFrom(...SESSIONS), fc.option(fc.string(), { nil: undefined })).map(([id, state]) =>
  command(
    `setState(${id}, ${String(state)})`,
    (model) => model.held.has(id),
    async (model, bus) => {
      await bus.setState(id, state);
      model.states.set(id, [state]);
    },
  ),
);

/** SB-53: no delivery has failed, but what is over by now expires. */
const release = fc.constantFrom(...SESSIONS).map((session) =>
  command(
    `release(${session})`,
    (model) => model.held.has(session),
    async (model, bus) => {
      await bus.release(session);
      model.held.delete(session);
      for (const entry of locked(model)) {
        if (entry.session === session && entry.status.reason === undefined) entry.locked = false;
      }
      model.passTo(model.now);
    },
  ),
);

export const steps: fc.Arbitrary<Command>[] = [
  ...[send, send, send, sendBatch, sendBatch, schedule, schedule, cancel],
  ...[receive, receive, receive, receive, receiveAndDelete, settle, settle, settle, settle],
  ...[receiveDeferred, receiveDeferred, loseLocks, jump, jump, accept, acceptNext, setState, release],
];
