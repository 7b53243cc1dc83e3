/** The outbound hook: who has not acknowledged a message is named to the app's push service, by id, until it takes it. */
import { expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import type { HookNotice, Ports } from "../../../src/lib/ports.js";
import { acknowledgeReceipts } from "../../../src/lib/use-cases/acknowledge-receipts.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { unsendMessage } from "../../../src/lib/use-cases/unsend-message.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const SENT = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 24 * 3_600_000;
const TEXT: TextEnvelope = {
  v: 1,
  id: MESSAGE,
  conversation: CONVERSATION,
  author: "ana",
  text: "a secret",
  sentAt: new Date(SENT).toISOString(),
  endsAt: new Date(SENT + DAY_MS).toISOString(),
  attempt: 1,
};

type Answer = "taken" | "later" | "gone";

/** A text that ana has sent to bo and cy; `answers` is what the push service says, then that it has taken it. */
async function sent(...answers: Answer[]) {
  const world = new World();
  world.now = SENT;
  const told: (HookNotice & { readonly hookId: string })[] = [];
  const ports: Ports = {
    ...world.ports,
    hook: {
      tell: (hookId, notice) => {
        told.push({ hookId, ...notice });
        return Promise.resolve(answers.shift() ?? "taken");
      },
    },
  };
  await createConversation(ports, "ana", { id: CONVERSATION, members: ["bo", "cy"] });
  await deliverText(ports, TEXT, 1, undefined);
  const planned = () => world.deadlines.filter(({ envelope }) => envelope.kind === "hook");
  const meet = async (): Promise<void> => {
    const next = planned().at(-1);
    if (next === undefined) throw new Error("nothing is planned");
    world.now = Math.max(world.now, next.at.getTime());
    await meetDeadline(ports, next.envelope, 1, undefined);
  };
  return { world, ports, told, planned, meet };
}

test("names those who have not acknowledged it, and says nothing of what it says", async () => {
  const { world, ports, told, planned, meet } = await sent();
  expect(planned().map(({ at }) => at.getTime() - SENT)).toEqual([30_000]);
  await acknowledgeReceipts(ports, "bo", CONVERSATION, { deliveredSeq: 2 });
  await meet();
  expect(told).toEqual([
    {
      hookId: `message-${MESSAGE}-2`,
      ...{ conversationId: CONVERSATION, messageId: MESSAGE, seq: 2, author: "ana", users: ["cy"] },
      expiresAt: new Date(SENT + DAY_MS).toISOString(),
    },
  ]);
  expect(JSON.stringify(world.deadlines)).not.toContain("secret");
  // A deadline that comes twice tells twice: at least once, with the same id.
  await meet();
  expect(new Set(told.map(({ hookId }) => hookId)).size).toBe(1);
});

test("is not asked when everybody has heard, when it is over, or when it was taken back", async () => {
  const heard = await sent();
  for (const user of ["bo", "cy"]) await acknowledgeReceipts(heard.ports, user, CONVERSATION, { deliveredSeq: 2 });
  await heard.meet();
  const over = await sent();
  over.world.now = SENT + DAY_MS;
  await over.meet();
  const unsent = await sent();
  await unsendMessage(unsent.ports, "ana", CONVERSATION, MESSAGE, undefined);
  await unsent.meet();
  expect([...heard.told, ...over.told, ...unsent.told]).toEqual([]);
});

test("is tried again through the queue, ever more seldom, until it takes it, for as long as the message lives", async () => {
  const { planned, told, meet } = await sent("later", "later", "later");
  for (let n = 0; n < 4; n++) await meet();
  expect(told).toHaveLength(4);
  expect(planned()).toHaveLength(4);
  expect(planned().map(({ at }, n, all) => at.getTime() - (all[n - 1]?.at.getTime() ?? SENT))).toEqual([
    30_000, 10_000, 20_000, 40_000,
  ]);
  const never = await sent(...Array<Answer>(100).fill("later"));
  for (let before = 0; never.planned().length > before && before < 100;) {
    before = never.planned().length;
    await never.meet();
  }
  expect(never.told).toHaveLength(20);
  const gone = await sent("gone");
  await gone.meet();
  expect(gone.planned()).toHaveLength(1);
});

test("without a hook, a message costs nothing more", async () => {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  await deliverText(world.ports, TEXT, 1, undefined);
  expect(world.deadlines.map(({ envelope }) => envelope.kind)).toEqual(["expire"]);
});
