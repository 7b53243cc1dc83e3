/** The outbound hook through the running stack: who is offline is named to the app's push service, until it takes it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { person, Watch } from "../support/chat.js";
import { startPushService, type PushService } from "../support/push-service.js";
import { startStack, type Stack } from "../support/stack.js";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const watch = new Watch();
let service: PushService;
let stack: Stack;

beforeAll(async () => {
  service = await startPushService(SECRET, watch.changed);
  stack = await startStack({ env: { HOOK_URL: service.url, HOOK_SECRET: SECRET, HOOK_AFTER_SECONDS: "3600" } });
}, 120_000);
afterAll(async () => {
  await stack.stop();
  await service.stop();
}, 60_000);

test("who has not acknowledged a text is named, by ids alone, and again when that was not taken", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["bo", "cy"]);
  const { id } = await ana.send(conversation, "are you there?");
  await stack.idle();
  const cy = await person(stack, "cy");
  await cy.api.receipts(conversation, { deliveredSeq: 2 });
  expect(service.told).toEqual([]);

  service.answers.push({ status: 500 });
  await stack.advance("PT1H");
  await watch.until(() => service.told.length === 1);
  await stack.idle();
  await stack.advance("PT1M");
  await watch.until(() => service.told.length === 2);
  for (const { id: hookId, body, isSigned } of service.told) {
    expect(isSigned).toBe(true);
    expect(hookId).toBe(`message-${id}-2`);
    expect(JSON.parse(body)).toMatchObject({
      type: "message.waiting",
      data: { conversationId: conversation, messageId: id, seq: 2, author: "ana", users: ["bo"] },
    });
    expect(body).not.toContain("are you there");
  }
  ana.close();
  cy.close();
}, 120_000);
