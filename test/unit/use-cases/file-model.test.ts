/**
 * Whatever happens to a file, in any order, repeated, with queues that deliver twice and in any order: compared with a model that
 * knows the rule and nothing of rows, queues or deadlines.
 */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { isDayflyError } from "../../../src/lib/errors.js";
import { removeMember } from "../../../src/lib/use-cases/change-members.js";
import { closeByReader, endSocket } from "../../../src/lib/use-cases/close-view.js";
import { completeUpload } from "../../../src/lib/use-cases/complete-upload.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverFile } from "../../../src/lib/use-cases/deliver-file.js";
import { giveConsent, withdrawConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { retainMessage } from "../../../src/lib/use-cases/retain-message.js";
import { deleteClosedFile } from "../../../src/lib/use-cases/settle-file.js";
import { startUpload } from "../../../src/lib/use-cases/start-upload.js";
import { sweepFiles } from "../../../src/lib/use-cases/sweep-files.js";
import { keepViewing, openFile } from "../../../src/lib/use-cases/view-file.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const FILE = "019a0000-0000-7000-8000-000000000002";
const NAME = { conversationId: CONVERSATION, fileId: FILE };
const BYTES = new TextEncoder().encode("bytes");
const RECIPIENTS = ["bo", "cy", "di"] as const;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

type DeleteWhen = "first-close" | "all-recipients-closed";
type User = "ana" | (typeof RECIPIENTS)[number];
type Deed =
  | { readonly do: "open" | "beat" | "close" | "lose socket" | "leave" | "consent" | "withdraw"; readonly user: User }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "storage fails" | "storage is back" | "sweep" | "all agree" };

/** The rule, as a person would tell it. */
class Model {
  readonly members = new Set<string>(["ana", ...RECIPIENTS]);
  readonly views = new Map<string, { readonly openedAt: number; leaseEnd: number; isClosed: boolean }>();
  readonly original: number;
  readonly when: DeleteWhen;
  end: number;
  isHeld = false;
  isDoomed = false;
  #consents = new Set<string>();

  constructor(now: number, when: DeleteWhen) {
    this.original = this.end = now + DAY;
    this.when = when;
  }

  get hasBeenClosed(): boolean {
    return [...this.views.values()].some(({ isClosed }) => isClosed);
  }

  isReading(user: string, now: number): boolean {
    const view = this.views.get(user);
    return view !== undefined && !view.isClosed && now < view.leaseEnd;
  }

  canOpen(user: string, now: number): boolean {
    return user !== "ana" && this.members.has(user) && !this.views.has(user) && !this.isDoomed && now < this.end;
  }

  open(user: string, now: number): void {
    this.views.set(user, { openedAt: now, leaseEnd: now + 45 * SECOND, isClosed: false });
  }

  beat(user: string, now: number): void {
    const view = this.views.get(user);
    if (view !== undefined) view.leaseEnd = Math.min(now + 45 * SECOND, view.openedAt + 10 * MINUTE);
  }

  loseSocket(user: string, now: number): void {
    const view = this.views.get(user);
    if (view !== undefined) view.leaseEnd = Math.min(view.leaseEnd, now + 30 * SECOND);
  }

  close(user: string): void {
    const view = this.views.get(user);
    if (view !== undefined) view.isClosed = true;
  }

  leave(user: string, now: number): void {
    this.members.delete(user);
    this.#agree(now);
    this.close(user);
  }

  consent(user: string, now: number): void {
    if (!this.members.has(user) || this.isHeld || this.isDoomed || now >= this.end || this.hasBeenClosed) return;
    this.#consents.add(user);
    this.#agree(now);
  }

  withdraw(user: string, now: number): void {
    if (!this.members.has(user) || this.isDoomed || now >= this.end) return;
    if (this.isHeld) {
      this.isHeld = false;
      this.end = this.original;
      this.#consents.clear();
    } else this.#consents.delete(user);
  }

  #agree(now: number): void {
    if (this.isHeld || this.isDoomed || now >= this.end || this.hasBeenClosed || this.#consents.size === 0) return;
    for (const user of this.#consents) if (!this.members.has(user)) this.#consents.delete(user);
    const required = new Set(["ana", ...this.members]);
    if (![...required].every((user) => this.#consents.has(user))) return;
    this.isHeld = true;
    this.end = Math.max(now + 30 * DAY, this.original);
  }

  /** Time has passed, and everything that waited has been worked off. */
  settle(now: number): void {
    for (const view of this.views.values()) if (now >= view.leaseEnd) view.isClosed = true;
    const bucketEnd = Math.floor(this.end / MINUTE) * MINUTE + MINUTE;
    if (now >= bucketEnd) this.isDoomed = true;
    if (this.isHeld || now >= this.end) return;
    const owed = [...this.members].filter((user) => user !== "ana" && this.views.get(user)?.isClosed !== true);
    if (owed.length === 0 || (this.when === "first-close" && this.hasBeenClosed)) this.isDoomed = true;
  }
}

async function delivered(deleteWhen: DeleteWhen): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: [...RECIPIENTS] });
  const input = { id: FILE, name: "a.txt", size: BYTES.length, contentType: "text/plain", deleteWhen };
  await startUpload(world.ports, "ana", CONVERSATION, input, undefined);
  world.files.put(NAME, BYTES, world.now);
  await completeUpload(world.ports, "ana", CONVERSATION, FILE, undefined);
  await deliverFile(world.ports, world.fileMessages[0], 1, undefined);
  return world;
}

/** Refusals are answers; whatever else fails is what the storage's failures make fail. */
async function quietly(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (isDayflyError(error) || (error as Error).message === "locked") return false;
    throw error;
  }
}

/** Works off everything that waits and is due, in the order that `chance` says, some of it twice; what fails stays. */
async function work(world: World, chance: () => number): Promise<void> {
  const failed = new Set<unknown>();
  for (;;) {
    const waiting = [
      ...world.closings.map((item) => ({
        item,
        act: () => deleteClosedFile(world.ports, item.envelope, 2, undefined),
      })),
      ...world.moves.map((item) => ({ item, act: () => retainMessage(world.ports, item, 1, undefined) })),
      ...world.deadlines
        .filter(({ at }) => at.getTime() <= world.now)
        .map((item) => ({ item, act: () => meetDeadline(world.ports, item.envelope, 1, undefined) })),
    ].filter(({ item }) => !failed.has(item));
    const next = waiting[Math.floor(chance() * waiting.length)];
    if (next === undefined) return;
    const isDone = await quietly(next.act);
    if (isDone && chance() < 0.3) await quietly(next.act);
    if (!isDone) failed.add(next.item);
    else for (const queue of [world.closings, world.moves, world.deadlines] as unknown[][]) remove(queue, next.item);
  }
}

function remove(queue: unknown[], item: unknown): void {
  const at = queue.indexOf(item);
  if (at !== -1) queue.splice(at, 1);
}

async function carryOut(world: World, model: Model, deed: Deed): Promise<void> {
  const { ports } = world;
  switch (deed.do) {
    case "wait":
      world.now += deed.ms;
      return;
    case "storage fails":
      world.trouble.set("remove", () => new Error("locked"));
      return;
    case "storage is back":
      world.trouble.delete("remove");
      return;
    case "sweep":
      await quietly(() => sweepFiles(ports, undefined));
      return;
    case "all agree":
      for (const user of ["ana", ...RECIPIENTS]) {
        await quietly(() => giveConsent(ports, user, CONVERSATION, FILE, {}, undefined));
        model.consent(user, world.now);
      }
      return;
    case "open":
    case "beat":
    case "close":
    case "lose socket":
      return read(world, model, deed.do, deed.user);
    case "leave":
      await quietly(() => removeMember(ports, deed.user, CONVERSATION, deed.user, undefined));
      if (model.members.has(deed.user)) model.leave(deed.user, world.now);
      return;
    case "consent":
      await quietly(() => giveConsent(ports, deed.user, CONVERSATION, FILE, {}, undefined));
      model.consent(deed.user, world.now);
      return;
    case "withdraw":
      await quietly(() => withdrawConsent(ports, deed.user, CONVERSATION, FILE, undefined));
      model.withdraw(deed.user, world.now);
  }
}

async function read(
  { ports, now, rows }: World,
  model: Model,
  what: "open" | "beat" | "close" | "lose socket",
  user: User,
): Promise<void> {
  const file = rows.get(CONVERSATION)?.files.get(FILE);
  const name = { ...NAME, viewId: file?.views.find((view) => view.user === user)?.id ?? FILE };
  const isAlive = model.members.has(user) && model.isReading(user, now) && !model.isDoomed && now < model.end;
  switch (what) {
    case "open": {
      if (user === "ana") return;
      const isOpened = await quietly(() => openFile(ports, user, NAME, { key: user, socketId: user }, undefined));
      // Again by the same key while it is being read is no other view.
      expect([user, isOpened]).toEqual([user, model.canOpen(user, now) || isAlive]);
      if (isOpened && model.views.has(user)) model.beat(user, now);
      else if (isOpened) model.open(user, now);
      return;
    }
    case "beat": {
      const isBeating = await quietly(() => keepViewing(ports, user, name, { socketId: user }));
      expect([user, isBeating]).toEqual([user, isAlive]);
      if (isBeating) model.beat(user, now);
      return;
    }
    case "close":
      if (await quietly(() => closeByReader(ports, user, name, {}, undefined))) model.close(user);
      return;
    case "lose socket":
      await endSocket(ports, user, undefined);
      model.loseSocket(user, now);
  }
}

function check(world: World, model: Model): void {
  const types = world.rows.get(CONVERSATION)?.entries.map(({ type }) => type) ?? [];
  const isGone = world.files.files.size === 0;
  const isFailing = world.trouble.has("remove");
  // Between its end and the end of that minute it may be gone or not: nobody reads it any more.
  const isBetween = !model.isDoomed && world.now >= model.end;
  if (isBetween && isGone) model.isDoomed = true;
  if (!isFailing && !isBetween) expect({ isGone }).toEqual({ isGone: model.isDoomed });
  if (isGone) expect(model.isDoomed).toBe(true);
  expect(types.filter((type) => type === "file.deleted")).toHaveLength(isGone ? 1 : 0);
  expect(types.filter((type) => type === "file.opened")).toHaveLength(model.views.size);
  world.check();
}

const user = fc.constantFrom<User>("ana", ...RECIPIENTS);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("open" as const), user }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("close" as const), user }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom("beat" as const, "lose socket", "consent", "withdraw"), user }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), user }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.oneof(
        fc.integer({ min: 1, max: 60 }).map((seconds) => seconds * SECOND),
        fc.constantFrom(30 * SECOND, 45 * SECOND, 10 * MINUTE, 60 * MINUTE, DAY - 1, DAY, 31 * DAY),
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("storage fails" as const, "storage is back", "sweep", "all agree") }),
  },
);

test("a file is deleted if and only if the rule says so, once in the log, and nobody opens it after closing it", async () => {
  const run = {
    deleteWhen: fc.constantFrom<DeleteWhen>("first-close", "all-recipients-closed"),
    deeds: fc.array(fc.tuple(deed, fc.boolean()), { minLength: 1, maxLength: 25 }),
    seed: fc.integer(),
  };
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  console.info(`SEED=${String(seed)}`);
  await fc.assert(
    fc.asyncProperty(fc.record(run), async ({ deleteWhen, deeds, seed: order }) => {
      let state = order;
      const chance = (): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        return (state >>> 0) / 2 ** 32;
      };
      const world = await delivered(deleteWhen);
      const model = new Model(world.now, deleteWhen);
      for (const [each, isRepeated] of deeds) {
        const isOnce = each.do === "wait" || each.do === "storage fails";
        for (let n = 0; n < (isRepeated && !isOnce ? 2 : 1); n++) await carryOut(world, model, each);
        await work(world, chance);
        model.settle(world.now);
        check(world, model);
      }
      // Whatever has happened: with the storage back and time gone by, nothing at all is left.
      world.trouble.delete("remove");
      world.now += 40 * DAY;
      await work(world, chance);
      await sweepFiles(world.ports, undefined);
      model.settle(world.now);
      check(world, model);
      expect([world.files.staging.size, world.files.live.size]).toEqual([0, 0]);
    }),
    { seed, numRuns: Number(process.env["RUNS"] ?? 300) },
  );
}, 120_000);
