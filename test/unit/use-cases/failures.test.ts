/** Failures: parked by anyone, seen once, redriven, discarded, expired; and whoever does it may die anywhere. */
import { describe, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import type { Failure } from "../../../src/lib/domain/failure.js";
import { DayflyError } from "../../../src/lib/errors.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { endFailure } from "../../../src/lib/use-cases/end-failure.js";
import { failDeadDeadline, meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { parkFailures } from "../../../src/lib/use-cases/park-failures.js";
import { getFailure } from "../../../src/lib/use-cases/read-failures.js";
import { failDeadMove } from "../../../src/lib/use-cases/retain-message.js";
import { reviveText } from "../../../src/lib/use-cases/revive-text.js";
import { getJob, startFailuresJob } from "../../../src/lib/use-cases/run-job.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const START = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 24 * 3_600_000;
const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const healthy = (): Promise<boolean> => Promise.resolve(true);

async function conversation(): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  return world;
}

const text = (change: Partial<TextEnvelope> = {}): TextEnvelope => ({
  v: 1,
  id: MESSAGE,
  conversation: CONVERSATION,
  author: "ana",
  text: "hello",
  sentAt: new Date(START).toISOString(),
  endsAt: new Date(START + DAY_MS).toISOString(),
  attempt: 1,
  ...change,
});

const EXPIRE = { v: 1, kind: "expire", conversation: CONVERSATION, minute: "202611241200" } as const;
const MOVE = { v: 1, conversation: CONVERSATION, message: MESSAGE, seq: 2, version: 1 } as const;

/** The one failure there is. */
function only(world: World): Failure {
  const [failure, ...more] = [...world.operations.failures.values()];
  if (failure === undefined || more.length > 0) throw new Error(`${String(more.length + 1)} failures`);
  return failure;
}

/** A text that came back too often, written down. */
async function parkedText(): Promise<World> {
  const world = await conversation();
  await reviveText(world.ports, text({ attempt: 5 }), 3, TRACE);
  await parkFailures(world.ports, () => Promise.resolve(false));
  return world;
}

describe("what each dead-letter function makes of each reason, dying anywhere and run again", () => {
  const call = (body: unknown, deadLetterReason?: string) => ({ body, attempts: 10, trace: TRACE, deadLetterReason });
  const cases: readonly (readonly [string, (world: World) => Promise<unknown>, object])[] = [
    [
      "a deadline tried too often",
      ({ ports }) => failDeadDeadline(ports, call(EXPIRE, "MaxDeliveryCountExceeded")),
      {
        queue: "deadlines",
        reason: "attempts-exhausted",
        isTransient: true,
        conversationId: CONVERSATION,
        attempts: 10,
      },
    ],
    [
      "a deadline that nobody took",
      ({ ports }) => failDeadDeadline(ports, call(EXPIRE, "TTLExpiredException")),
      { queue: "deadlines", reason: "not-taken-in-time", isTransient: true },
    ],
    [
      "a deadline that is none",
      ({ ports }) => failDeadDeadline(ports, call({ v: 2 })),
      { queue: "deadlines", reason: "contract-violation", isTransient: false },
    ],
    [
      "a move tried too often",
      ({ ports }) => failDeadMove(ports, call(MOVE, "MaxDeliveryCountExceeded")),
      { queue: "retained-messages", reason: "attempts-exhausted", isTransient: true },
    ],
    [
      "a move that nobody took",
      ({ ports }) => failDeadMove(ports, call(MOVE, "TTLExpiredException")),
      { queue: "retained-messages", reason: "not-taken-in-time", isTransient: true },
    ],
    [
      "a move that is none",
      ({ ports }) => failDeadMove(ports, call("garbage")),
      { queue: "retained-messages", reason: "contract-violation" },
    ],
    [
      "a text that came back too often",
      ({ ports }) => reviveText(ports, text({ attempt: 5 }), 1, TRACE),
      { queue: "text-messages", reason: "attempts-exhausted", messageId: MESSAGE, author: "ana", isTransient: true },
    ],
    [
      "a text that is none",
      ({ ports }) => reviveText(ports, { ...text(), text: 7 }, 1, TRACE),
      { queue: "text-messages", reason: "contract-violation", messageId: MESSAGE, isTransient: false },
    ],
  ];
  test.each(cases)("%s is one failure", async (_, fail, expected) => {
    await dieEverywhere(
      conversation,
      async (world) => {
        await fail(world);
        await parkFailures(world.ports, () => Promise.resolve(false));
      },
      (world) => {
        expect(only(world)).toMatchObject({ ...expected, state: "parked", isHeld: true, trace: TRACE });
        // Of the copies that dying made, one is kept.
        expect([...world.operations.inQueue.values()].map(({ isDeferred }) => isDeferred)).toEqual([true]);
      },
    );
  });

  test("a failing send is waited for before it throws, for delivery counts do not rise there", async () => {
    const fails = [
      (world: World) => failDeadDeadline(world.ports, call(EXPIRE)),
      (world: World) => failDeadMove(world.ports, call(MOVE)),
      (world: World) => reviveText(world.ports, text({ attempt: 5 }), 1, TRACE),
    ];
    for (const fail of fails) {
      const world = await conversation();
      world.trouble.set("sendFailure", () => new DayflyError("dependency-unavailable"));
      await expect(fail(world)).rejects.toMatchObject({ code: "dependency-unavailable" });
      expect(world.now).toBe(START + 30_000);
    }
  });
});

describe("redriving", () => {
  test("sends the text with its id, session, trace and the time that is left; dying anywhere, it is delivered once", async () => {
    const deaths = await dieEverywhere(
      parkedText,
      async (world) => {
        // The operator, again and again; then the timer, which finishes what is half done.
        await endFailure(world.ports, only(world).id, "redriven");
        for (const { body } of world.operations.sentBack) await deliverText(world.ports, body, 1, TRACE);
      },
      async (world) => {
        const [sent, ...more] = world.operations.sentBack;
        expect(more).toEqual([]);
        expect(sent).toMatchObject({ queue: "text-messages", session: CONVERSATION, lifetimeMs: DAY_MS });
        expect(sent?.body).toMatchObject({ id: MESSAGE, text: "hello", attempt: 6, redriven: true });
        expect(world.rows.get(CONVERSATION)?.indexes.get(MESSAGE)).toMatchObject({ state: "delivered", seq: 2 });
        world.now += 61_000;
        await parkFailures(world.ports, healthy);
        expect(only(world)).toMatchObject({ state: "redriven", isHeld: false, redrives: 1 });
        expect(world.operations.inQueue.size).toBe(0);
        expect(world.operations.sentBack).toHaveLength(1);
      },
    );
    expect(deaths).toBeGreaterThan(15);
  });

  test("what fails again is the same failure with one more attempt, and can be redriven again", async () => {
    const world = await conversation();
    const bad = { ...text(), text: 7 };
    await deliverText(world.ports, bad, 1, TRACE);
    await parkFailures(world.ports, healthy);
    for (const attempts of [2, 3]) {
      await endFailure(world.ports, only(world).id, "redriven");
      await deliverText(world.ports, world.operations.sentBack.at(-1)?.body, 1, TRACE);
      await parkFailures(world.ports, healthy);
      expect(only(world)).toMatchObject({ state: "parked", attempts, redrives: attempts - 1 });
      expect(world.operations.inQueue.size).toBe(1);
    }
    expect(new Set(world.operations.sentBack.map(({ key }) => key)).size).toBe(2);
  });

  test("garbage, whose hash is its id, is the same failure as well", async () => {
    const world = await conversation();
    await deliverText(world.ports, { v: 7 }, 1, TRACE);
    await parkFailures(world.ports, healthy);
    await endFailure(world.ports, only(world).id, "redriven");
    await deliverText(world.ports, world.operations.sentBack[0]?.body, 1, TRACE);
    await parkFailures(world.ports, healthy);
    expect(only(world)).toMatchObject({ state: "parked", attempts: 2 });
  });

  test("before the redrive has let go of the old message: the one that failed again is kept, the old one goes", async () => {
    const world = await conversation();
    await deliverText(world.ports, { ...text(), text: 7 }, 1, TRACE);
    await parkFailures(world.ports, healthy);
    world.trouble.set("parked.complete", () => new DayflyError("dependency-unavailable"));
    await expect(endFailure(world.ports, only(world).id, "redriven")).rejects.toThrow();
    world.trouble.clear();
    await deliverText(world.ports, world.operations.sentBack[0]?.body, 1, TRACE);
    await parkFailures(world.ports, healthy);
    expect(only(world)).toMatchObject({ state: "parked", attempts: 2 });
    expect([...world.operations.inQueue.keys()]).toEqual([only(world).sequenceNumber]);
  });

  test("of what has ended otherwise, or is no message of any queue, is refused", async () => {
    const world = await parkedText();
    const { id } = only(world);
    await endFailure(world.ports, id, "discarded");
    await expect(endFailure(world.ports, id, "redriven")).rejects.toMatchObject({ code: "failure-ended" });
    await expect(endFailure(world.ports, "0".repeat(32), "redriven")).rejects.toMatchObject({
      code: "failure-unknown",
    });
    world.operations.park("garbage");
    await parkFailures(world.ports, healthy);
    const garbage = [...world.operations.failures.values()].find(({ queue }) => queue === "failed-messages");
    await expect(endFailure(world.ports, garbage?.id ?? "", "redriven")).rejects.toMatchObject({
      code: "failure-not-redrivable",
    });
  });
});

test("discarding removes the message, dying anywhere", async () => {
  await dieEverywhere(
    parkedText,
    (world) => endFailure(world.ports, only(world).id, "discarded"),
    async (world) => {
      world.now += 61_000;
      await parkFailures(world.ports, healthy);
      expect(only(world)).toMatchObject({ state: "discarded", isHeld: false });
      expect(world.operations.inQueue.size + world.operations.sentBack.length).toBe(0);
    },
  );
});

test("past its time a text is expired, and gone; a redrive then comes too late; a month later the failure is forgotten", async () => {
  await dieEverywhere(
    async () => {
      const world = await parkedText();
      world.now = START + DAY_MS;
      return world;
    },
    (world) => parkFailures(world.ports, () => Promise.resolve(false)),
    async (world) => {
      world.now += 61_000;
      await parkFailures(world.ports, healthy);
      expect(only(world)).toMatchObject({ state: "expired", isHeld: false });
      expect(
        JSON.stringify([...world.operations.inQueue.values(), ...world.operations.failures.values()]),
      ).not.toContain("hello");
      await expect(endFailure(world.ports, only(world).id, "redriven")).rejects.toMatchObject({
        code: "failure-ended",
      });
      world.now += 31 * DAY_MS;
      await parkFailures(world.ports, healthy);
      expect(world.operations.failures.size).toBe(0);
    },
  );
});

test("a text that fails when its time is over, or almost, is seen as expired, and what it said is not kept", async () => {
  for (const left of [-1_000, 60_000]) {
    const world = await conversation();
    const endsAt = new Date(world.now + left).toISOString();
    await deliverText(world.ports, { ...text({ endsAt }), attempt: 0 }, 1, TRACE);
    expect(JSON.stringify([...world.operations.inQueue.values()])).not.toContain("hello");
    await parkFailures(world.ports, healthy);
    expect(only(world)).toMatchObject({ reason: "contract-violation", state: "expired" });
  }
});

test("what failed for passing trouble is redriven by itself when everything is healthy, later each time", async () => {
  const world = await conversation();
  await failDeadDeadline(world.ports, { body: EXPIRE, attempts: 10, trace: TRACE });
  await parkFailures(world.ports, healthy);
  expect(only(world).state).toBe("parked");
  world.now += 30_000;
  await parkFailures(world.ports, () => Promise.resolve(false));
  expect(only(world).state).toBe("parked");
  await parkFailures(world.ports, healthy);
  expect(only(world)).toMatchObject({ state: "redriven", isHeld: false });
  expect(world.operations.sentBack).toEqual([expect.objectContaining({ queue: "deadlines", body: EXPIRE })]);
  await failDeadDeadline(world.ports, { body: EXPIRE, attempts: 10, trace: TRACE });
  await parkFailures(world.ports, healthy);
  world.now += 30_000;
  await parkFailures(world.ports, healthy);
  expect(only(world)).toMatchObject({ state: "parked", attempts: 20 });
  world.now += 30_000;
  await parkFailures(world.ports, healthy);
  expect(only(world)).toMatchObject({ state: "redriven", redrives: 2 });
});

test("what a failure says is shown on request alone, and the request is in the trail before the answer", async () => {
  const world = await parkedText();
  const { id } = only(world);
  expect(JSON.stringify(await getFailure(world.ports, "op", id, { withContent: false, trace: TRACE }))).not.toContain(
    "hello",
  );
  expect(world.operations.audit).toEqual([]);
  const shown = await getFailure(world.ports, "op", id, { withContent: true, trace: TRACE });
  expect(shown.content).toMatchObject({ text: "hello" });
  expect(world.operations.audit.map(({ actor, action, outcome }) => [actor, action, outcome])).toEqual([
    ["op", "failure.content-shown", "tried"],
    ["op", "failure.content-shown", "done"],
  ]);
  expect(JSON.stringify(world.operations.audit)).not.toContain("hello");
  world.trouble.set("audit.add", () => new DayflyError("dependency-unavailable"));
  await expect(getFailure(world.ports, "op", id, { withContent: true, trace: TRACE })).rejects.toThrow();
});

test("a job redrives all that a filter finds, a page at a time", async () => {
  const build = async (): Promise<World> => {
    const world = await conversation();
    for (let n = 0; n < 120; n++) {
      await failDeadMove(world.ports, { body: { ...MOVE, version: n + 1 }, attempts: 1, trace: TRACE });
    }
    await failDeadDeadline(world.ports, { body: EXPIRE, attempts: 1, trace: TRACE });
    await parkFailures(world.ports, healthy);
    const filter = { queue: "retained-messages" };
    expect(await startFailuresJob(world.ports, "op", "redriven", { ...filter, dryRun: true }, TRACE)).toEqual({
      dryRun: true,
      found: 120,
    });
    expect(world.operations.sentBack).toEqual([]);
    await startFailuresJob(world.ports, "op", "redriven", filter, TRACE);
    return world;
  };
  const world = await build();
  const [job] = [...world.operations.jobs.keys()];
  for (const found of [50, 100, 120]) {
    const step = world.deadlines.filter(({ envelope }) => envelope.kind === "job").at(-1);
    await meetDeadline(world.ports, step?.envelope, 1, TRACE);
    expect(await getJob(world.ports, job ?? "")).toMatchObject({ found, done: found, refused: {} });
  }
  expect(await getJob(world.ports, job ?? "")).toMatchObject({ state: "done", by: "op" });
  expect(world.operations.sentBack).toHaveLength(120);
  expect(world.operations.audit.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    "failures.redrive-failures tried",
    "failures.redrive-failures done",
  ]);
});
