/** `kill -9` in the midst of work: what was acknowledged stands, and of the rest the model knows only what it may have become. */
import fc from "fast-check";
import type { Bus, Settlement } from "./bus.js";
import {
  agree,
  availableAt,
  fateOf,
  JUMP_MS,
  locked,
  place,
  scheduled,
  SETTLEMENTS,
  some,
  wheres,
  type Command,
} from "./commands.js";
import { nothingInterrupted, type Entry, type Fate, type Interrupted, type Model } from "./model.js";
import { drafts, entryOf, messageOf, SESSIONS, type Draft } from "./sending.js";

/** Something under way when the kill comes. */
interface Work {
  readonly promise: Promise<unknown>;
  /** Called when it is known that it has happened, or that nobody knows. */
  readonly over: (acknowledged: boolean, result: unknown) => void;
}

interface Burst {
  readonly sends: readonly (readonly [draft: Draft, size: number])[];
  readonly schedules: readonly Draft[];
  readonly settlements: readonly number[];
  /** One for all: the SDK's rhea takes neighbouring outcomes that differ for the same. */
  readonly settlement: Settlement;
  readonly cancels: readonly number[];
  readonly state: string | undefined;
  readonly taking: { readonly where: { queue: Draft["queue"]; dead: boolean }; readonly most: number } | undefined;
  readonly receiving: boolean;
  readonly jumps: boolean;
  /** The kill comes when so many of them are answered. */
  readonly answers: number;
  readonly signal: "SIGKILL" | "SIGTERM";
  readonly jumpsWhileDown: boolean;
  /** Killed a second time while it recovers. */
  readonly twice: boolean;
}

const bursts: fc.Arbitrary<Burst> = fc.record({
  sends: fc.array(fc.tuple(drafts, fc.constantFrom(1, 1, 1, 2, 5)), { maxLength: 8 }),
  schedules: fc.array(drafts, { maxLength: 2 }),
  settlements: fc.array(fc.nat(), { maxLength: 4 }),
  settlement: fc.constantFrom(...SETTLEMENTS),
  cancels: fc.array(fc.nat(), { maxLength: 2 }),
  state: fc.option(fc.string(), { nil: undefined }),
  taking: fc.option(fc.record({ where: wheres, most: fc.integer({ min: 1, max: 3 }) }), { nil: undefined }),
  receiving: fc.boolean(),
  jumps: fc.constantFrom(false, false, true),
  answers: fc.nat(12),
  signal: fc.constantFrom("SIGKILL", "SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM"),
  jumpsWhileDown: fc.constantFrom(false, false, true),
  twice: fc.constantFrom(false, false, false, true),
});

export const kill: fc.Arbitrary<Command> = bursts.map((burst) => ({
  check: () => true,
  run: async (model, bus) => {
    model.steps++;
    const interrupted = nothingInterrupted();
    const work = begin(burst, model, bus, interrupted);
    const results = watch(work);
    await results.answered(Math.min(burst.answers, work.length));
    await bus.end(burst.signal);
    for (const [n, { over }] of work.entries()) over(results.acknowledged.has(n), results.acknowledged.get(n));
    model.restarted();
    // One jump, for nobody knows before or after which of two a message was activated.
    if (burst.jumpsWhileDown && !burst.jumps) await bus.advance(JUMP_MS);
    await bus.startAgain();
    if (burst.twice) {
      await bus.end("SIGKILL");
      await bus.startAgain();
    }
    model.passTo(bus.now());
    await agree(model, bus, interrupted);
  },
  toString: () => `kill(${JSON.stringify(burst)})`,
}));

function watch(work: readonly Work[]): { answered(count: number): Promise<void>; acknowledged: Map<number, unknown> } {
  const acknowledged = new Map<number, unknown>();
  let settled = 0;
  let onSettled = (): void => undefined;
  for (const [n, { promise }] of work.entries()) {
    promise
      .then(
        (result) => acknowledged.set(n, result),
        () => undefined,
      )
      .finally(() => {
        settled++;
        onSettled();
      });
  }
  return {
    acknowledged,
    answered: (count) =>
      new Promise((resolve) => {
        onSettled = () => {
          if (settled >= count) resolve();
        };
        onSettled();
      }),
  };
}

function begin(burst: Burst, model: Model, bus: Bus, interrupted: Interrupted): Work[] {
  const work: Work[] = [];
  const touched = new Set<Entry>();
  const queues = new Set<string>();
  const become = (entry: Entry, fate: Fate): Work["over"] => {
    touched.add(entry);
    queues.add(entry.queue);
    return (acknowledged) => {
      entry.doubts = acknowledged ? [fate] : [entry.status, fate];
    };
  };
  for (const n of burst.settlements) {
    const free = locked(model).filter((entry) => !touched.has(entry));
    if (free.length === 0) break;
    const entry = some(free, n);
    if (burst.settlement === "dead-letter" && entry.status.reason !== undefined) continue;
    const over = become(entry, fateOf(model, entry, burst.settlement));
    work.push({ promise: bus.settle(entry, burst.settlement), over });
  }
  for (const n of burst.cancels) {
    const free = scheduled(model).filter((entry) => !touched.has(entry));
    // What falls due meanwhile may be active before it can be cancelled.
    if (free.length === 0 || burst.jumps) break;
    const entry = some(free, n);
    const over = become(entry, undefined);
    work.push({ promise: bus.cancel(entry), over });
  }
  const [session] = SESSIONS.filter((id) => model.held.has(id));
  if (session !== undefined) work.push(setState(session, burst.state, model, bus));
  work.push(...sends(burst, model, bus, interrupted, queues));
  if (burst.taking !== undefined && !burst.jumps && !queues.has(burst.taking.where.queue))
    work.push(...taking(burst.taking, model, bus, interrupted));
  else if (burst.receiving) work.push(...receiving(model, bus));
  if (burst.jumps) work.push({ promise: bus.advance(JUMP_MS), over: () => undefined });
  return work;
}

function setState(session: string, state: string | undefined, model: Model, bus: Bus): Work {
  const before = model.states.get(session) ?? [undefined];
  return {
    promise: bus.setState(session, state),
    over: (acknowledged) => model.states.set(session, acknowledged ? [state] : [...before, state]),
  };
}

function sends(burst: Burst, model: Model, bus: Bus, interrupted: Interrupted, queues: Set<string>): Work[] {
  const works: Work[] = [];
  const byQueue = new Map<string, Entry[]>();
  const ids = new Set<string>();
  const track = (entries: readonly Entry[], promise: Promise<unknown>): void => {
    const isNew = entries.filter((entry) => !model.taken.has(entry.id));
    works.push({
      promise,
      over: (acknowledged) => {
        for (const entry of isNew) {
          model.add(entry);
          if (!acknowledged) entry.doubts = [entry.status, undefined];
        }
      },
    });
  };
  // A time to live would be over or not, depending on which comes first, the send or the jump.
  const draftOf = (draft: Draft): Draft => (burst.jumps ? { ...draft, ttl: Infinity } : draft);
  const isTwice = (entry: Entry): boolean => ids.size === ids.add(entry.id).size;
  for (const [draft, size] of burst.sends) {
    const entries = Array.from({ length: size }, (_, n) =>
      entryOf(model, { ...draftOf(draft), id: draft.id + n }, bus.now()),
    );
    if (entries.some((entry) => isTwice(entry))) continue;
    queues.add(draft.queue);
    const messages = entries.map(messageOf);
    const [first] = messages;
    if (first === undefined) continue;
    const fresh = entries.filter((entry) => !model.taken.has(entry.id));
    interrupted.batches.push(fresh);
    // The SDK prepares a batch first: what is sent after it may overtake it.
    if (size === 1) byQueue.set(draft.queue, [...(byQueue.get(draft.queue) ?? []), ...fresh]);
    track(entries, bus.send(draft.queue, size === 1 ? first : messages));
  }
  interrupted.sends.push(...byQueue.values());
  for (const draft of burst.schedules) {
    const entry = entryOf(model, draftOf(draft), bus.now(), 2);
    if (isTwice(entry)) continue;
    queues.add(draft.queue);
    track([entry], bus.schedule(draft.queue, messageOf(entry), entry.scheduledFor ?? 0));
  }
  return works;
}

/** In receive-and-delete: who was told of a message has it for good; of the next ones nobody knows. */
function taking(
  { where, most }: NonNullable<Burst["taking"]>,
  model: Model,
  bus: Bus,
  interrupted: Interrupted,
): Work[] {
  const { queue, dead, session } = place({ ...where, session: SESSIONS[0] });
  const from = availableAt(model, { queue, dead });
  if (session !== undefined || from.length === 0) return [];
  const count = Math.min(most, from.length);
  interrupted.taken.push({ from, most: count });
  return [
    {
      promise: bus.receive({ queue, dead }, count, "receiveAndDelete"),
      over: (acknowledged) => {
        for (const [n, entry] of from.entries())
          if (n < count) entry.doubts = acknowledged ? [undefined] : [entry.status, undefined];
      },
    },
  ];
}

/** A lock that nobody has heard of: it leaves nothing behind. */
function receiving(model: Model, bus: Bus): Work[] {
  const free = availableAt(model, { queue: "plain", dead: false });
  if (free.length === 0) return [];
  return [{ promise: bus.receive({ queue: "plain", dead: false }, 1, "peekLock"), over: () => undefined }];
}
