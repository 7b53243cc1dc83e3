/**
 * Several texts of one conversation, with everything that the functions do about them, in any order, late and more than once: accepted,
 * delivered, kept, released, purged, found by the sweeper, forgotten, while members come and go.
 */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { isDayflyError } from "../../../src/lib/errors.js";
import { addMember, removeMember } from "../../../src/lib/use-cases/change-members.js";
import { cleanUp } from "../../../src/lib/use-cases/clean-up.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { giveConsent, withdrawConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { listMessages } from "../../../src/lib/use-cases/read-messages.js";
import { retainMessage } from "../../../src/lib/use-cases/retain-message.js";
import { reviveText } from "../../../src/lib/use-cases/revive-text.js";
import { sweep } from "../../../src/lib/use-cases/sweep.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TEXTS = 3;
const OWNER = "ana";
const OTHERS = ["bo", "cy", "di"] as const;

const idOf = (n: number): string => `019a0000-0000-7000-8000-00000000010${String(n)}`;

type Step =
  | { readonly kind: "deliver" | "revive" | "move"; readonly text: number }
  | { readonly kind: "consent" | "withdraw"; readonly text: number; readonly user: string }
  | { readonly kind: "join" | "leave"; readonly user: string }
  | { readonly kind: "deadline"; readonly which: number }
  | { readonly kind: "sweep" | "clean-up" }
  | { readonly kind: "pass"; readonly ms: number };

const text = fc.nat(TEXTS - 1);
const user = fc.constantFrom(OWNER, ...OTHERS);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("deliver" as const, "revive" as const, "move" as const), text }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("consent" as const, "consent" as const, "withdraw" as const),
      text,
      user,
    }),
  },
  fc.record({ kind: fc.constantFrom("join" as const, "leave" as const), user: fc.constantFrom(...OTHERS) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("deadline" as const), which: fc.nat(20) }) },
  fc.record({ kind: fc.constantFrom("sweep" as const, "clean-up" as const) }),
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 30 * HOUR_MS }) }),
  },
);

/** Each text is sent five hours after the one before. */
function envelopeOf(n: number, begin: number): TextEnvelope {
  const sentAt = begin + n * 5 * HOUR_MS;
  return {
    v: 1,
    id: idOf(n),
    conversation: CONVERSATION,
    author: n % 2 === 0 ? OWNER : "bo",
    text: `secret ${String(n)}`,
    sentAt: new Date(sentAt).toISOString(),
    endsAt: new Date(sentAt + DAY_MS).toISOString(),
    attempt: 1,
  };
}

/** What callers are refused is no fault. */
const allowing = (act: Promise<unknown>): Promise<unknown> =>
  act.catch((error: unknown) => {
    if (!isDayflyError(error) || error.code === "dependency-unavailable") throw error;
  });

async function take(world: World, begin: number, step: Step): Promise<unknown> {
  const { ports } = world;
  switch (step.kind) {
    case "deliver":
      return deliverText(ports, envelopeOf(step.text, begin), 1, undefined);
    case "revive":
      return reviveText(ports, envelopeOf(step.text, begin), 1, undefined);
    case "move":
      return retainMessage(ports, world.moves[step.text % Math.max(1, world.moves.length)], 1, undefined);
    case "consent":
      return allowing(giveConsent(ports, step.user, CONVERSATION, idOf(step.text), {}, undefined));
    case "withdraw":
      return allowing(withdrawConsent(ports, step.user, CONVERSATION, idOf(step.text), undefined));
    case "join":
      return addMember(ports, OWNER, CONVERSATION, step.user);
    case "leave":
      return removeMember(ports, OWNER, CONVERSATION, step.user, undefined);
    case "deadline": {
      const due = world.deadlines.filter(({ at }) => at.getTime() <= world.now);
      const one = due[step.which % Math.max(1, due.length)];
      return one && meetDeadline(ports, one.envelope, 1, undefined);
    }
    case "sweep":
      return sweep(ports, undefined);
    case "clean-up":
      return cleanUp(ports);
    case "pass":
      world.now += step.ms;
      return undefined;
  }
}

async function check(world: World, begin: number): Promise<void> {
  world.check();
  const row = world.rows.get(CONVERSATION);
  for (const member of row?.members.keys() ?? []) {
    const { items } = await listMessages(world.ports, member, CONVERSATION, {});
    for (const { id, expiresAt } of items) {
      const ends = Date.parse(expiresAt);
      expect(ends).toBeGreaterThan(world.now);
      const n = Number(id.at(-1));
      const isKept = row?.documents.get(row.indexes.get(id)?.seq ?? 0)?.retention?.state === "retained";
      if (!isKept) expect(ends).toBe(Date.parse(envelopeOf(n, begin).endsAt));
    }
  }
}

async function meetAll(world: World): Promise<void> {
  for (const { envelope, at } of [...world.deadlines]) {
    if (at.getTime() <= world.now) await meetDeadline(world.ports, envelope, 1, undefined);
  }
}

test("in any order, late and more than once: never shown past its end, ended exactly once, and at last forgotten", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (story) => {
      const world = new World();
      const begin = world.now;
      await createConversation(world.ports, OWNER, { id: CONVERSATION, members: ["bo", "cy"] });
      for (const step of [{ kind: "deliver" as const, text: 0 }, ...story]) {
        await take(world, begin, step);
        await check(world, begin);
      }
      // Every text has come by now, and every time is over.
      for (let n = 0; n < TEXTS; n++) await deliverText(world.ports, envelopeOf(n, begin), 1, undefined);
      world.now = Math.max(world.now, begin + 2 * DAY_MS) + 31 * DAY_MS;
      await meetAll(world);
      await sweep(world.ports, undefined);
      await meetAll(world);
      const row = world.rows.get(CONVERSATION);
      expect(JSON.stringify([...(row?.documents.values() ?? [])])).not.toContain("secret");
      expect([...(row?.indexes.values() ?? [])].filter(({ state }) => state !== "expired")).toEqual([]);
      expect([row?.expiries.size, row?.requests.size, world.dues.size]).toEqual([0, 0, 0]);
      const ends = row?.entries.flatMap(({ type, messageId }) => (type === "message.expired" ? [messageId] : [])) ?? [];
      expect(new Set(ends).size).toBe(ends.length);
      world.check();

      world.now += 31 * DAY_MS;
      await cleanUp(world.ports);
      world.check();
      const { documents, indexes, strays } = row ?? {};
      expect([documents?.size, indexes?.size, strays?.size, world.forgetting.size]).toEqual([0, 0, 0, 0]);
    }),
    { numRuns: 300 },
  );
});
