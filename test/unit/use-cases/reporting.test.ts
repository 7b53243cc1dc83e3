/** Reporting a message: what it said need not be kept to be proved, and nobody reports what is not theirs to see. */
import { describe, expect, test } from "@jest/globals";
import { evidenceOf } from "../../../src/lib/evidence.js";
import { addMember } from "../../../src/lib/use-cases/change-members.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { listReports, reportMessage, verifyReport } from "../../../src/lib/use-cases/report-message.js";
import { unsendMessage } from "../../../src/lib/use-cases/unsend-message.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const DAY_MS = 24 * 3_600_000;
const SAID = "nobody should say that";

async function world(): Promise<World> {
  const made = new World();
  await createConversation(made.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  const envelope = {
    ...{ v: 1, id: MESSAGE, conversation: CONVERSATION, author: "ana", text: SAID, attempt: 1 },
    ...{ sentAt: new Date(made.now).toISOString(), endsAt: new Date(made.now + DAY_MS).toISOString() },
  };
  await deliverText(made.ports, envelope, 1, undefined);
  return made;
}

const report = (made: World, user = "bo", more: { readonly text?: string } = {}) =>
  reportMessage(made.ports, user, CONVERSATION, MESSAGE, { reason: "harassment", ...more });
const verify = (made: World, text: string) =>
  verifyReport(made.ports, "op", [...made.operations.reports.keys()][0] ?? "", { text }, undefined);

describe("a reported message", () => {
  test("is proved later by whoever has a copy, though its author has taken it back", async () => {
    const made = await world();
    await unsendMessage(made.ports, "ana", CONVERSATION, MESSAGE, undefined);
    expect(await report(made)).toMatchObject({ created: true, report: { reason: "harassment", hasEvidence: true } });
    expect(await verify(made, SAID)).toEqual({ matches: true });
    expect(await verify(made, `${SAID}.`)).toEqual({ matches: false });
    expect(JSON.stringify([...made.operations.reports.values(), ...made.operations.audit])).not.toContain(SAID);
    expect(made.operations.audit.map(({ action, outcome }) => `${action} ${outcome}`)).toContain("report.verify tried");
    expect((await listReports(made.ports, {})).items).toMatchObject([{ author: "ana", reporter: "bo", kind: "text" }]);
  });

  test("is reported once by the same reporter, wherever a process dies; the first reason stays", async () => {
    await dieEverywhere(world, report, async (made) => {
      expect(made.operations.reports.size).toBe(1);
      const again = await reportMessage(made.ports, "bo", CONVERSATION, MESSAGE, { reason: "spam" });
      expect(again).toMatchObject({ created: false, report: { reason: "harassment" } });
    });
  });

  test("is not another one: a copy that differs is refused, and so is who may not see it", async () => {
    const made = await world();
    expect(await report(made, "bo", { text: SAID })).toMatchObject({ created: true });
    await expect(report(made, "bo", { text: "something else" })).rejects.toMatchObject({
      ...{ code: "input-invalid", errors: [{ pointer: "/text" }] },
    });
    await expect(report(made, "ana")).rejects.toMatchObject({ code: "not-allowed" });
    await expect(report(made, "eve")).rejects.toMatchObject({ code: "conversation-unknown" });
    await addMember(made.ports, "ana", CONVERSATION, "cy");
    await expect(report(made, "cy")).rejects.toMatchObject({ code: "message-unknown-or-not-yet" });
  });

  test("without a key is reported all the same, and nothing proves it", async () => {
    const made = new World();
    Object.assign(made.ports, { evidence: evidenceOf([]) });
    await createConversation(made.ports, "ana", { id: CONVERSATION, members: ["bo"] });
    const envelope = {
      ...{ v: 1, id: MESSAGE, conversation: CONVERSATION, author: "ana", text: SAID, attempt: 1 },
      ...{ sentAt: new Date(made.now).toISOString(), endsAt: new Date(made.now + DAY_MS).toISOString() },
    };
    await deliverText(made.ports, envelope, 1, undefined);
    expect(await report(made)).toMatchObject({ report: { hasEvidence: false } });
    await expect(verify(made, SAID)).rejects.toMatchObject({ code: "evidence-missing" });
  });
});

test("a proof is of one text by one author at one place, made by the newest key, verified by the older ones, too", () => {
  const said = { conversationId: CONVERSATION, messageId: MESSAGE, author: "ana", content: SAID };
  const [older, newer] = ["the older key, with 32 characters", "the newer key, with 32 characters"];
  const old = evidenceOf([older]).proofOf(said) ?? "";
  const both = evidenceOf([newer, older]);
  expect(both.proves(old, said)).toBe(true);
  expect(both.proves(both.proofOf(said) ?? "", said)).toBe(true);
  expect(both.proofOf(said)).not.toBe(old);
  expect(evidenceOf([newer]).proves(old, said)).toBe(false);
  for (const other of [{ content: "" }, { author: "bo" }, { messageId: CONVERSATION }, { conversationId: MESSAGE }])
    expect(both.proves(old, { ...said, ...other })).toBe(false);
  expect(old).not.toContain(SAID);
});
