import { expect, test } from "@jest/globals";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { exportOwn } from "../../../src/lib/use-cases/export-own.js";
import { World } from "../../support/fakes/world.js";

const idOf = (n: number): string => `019a0000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const DAY_MS = 24 * 3_600_000;

test("an export has what is kept of the caller, all pages of it, and nothing that others have said", async () => {
  const world = new World();
  const conversation = idOf(1);
  await createConversation(world.ports, "ana", { id: conversation, members: ["bo"], title: "Lunch" });
  for (let n = 0; n < 250; n++) {
    const envelope = {
      ...{ v: 1, id: idOf(100 + n), conversation, author: n % 2 === 0 ? "ana" : "bo", text: `text ${String(n)}` },
      ...{ sentAt: new Date(world.now).toISOString(), endsAt: new Date(world.now + DAY_MS).toISOString(), attempt: 1 },
    };
    await deliverText(world.ports, envelope, 1, undefined);
  }
  const { items, nextCursor } = await exportOwn(world.ports, "ana", {});
  expect(nextCursor).toBeUndefined();
  expect(items).toMatchObject([{ id: conversation, title: "Lunch", scheduled: [] }]);
  const texts = items[0]?.messages.map(({ author, text }) => `${author}: ${String(text)}`);
  expect(texts).toHaveLength(125);
  expect(texts?.every((text) => text.startsWith("ana: "))).toBe(true);

  // What is over is not read out either, late as its deadline may be.
  world.now += DAY_MS;
  expect((await exportOwn(world.ports, "ana", {})).items[0]?.messages).toEqual([]);
  expect((await exportOwn(world.ports, "zoe", {})).items).toEqual([]);
});
