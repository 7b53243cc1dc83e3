/** The product where nobody has configured the hub's event handler: everything works, some of it later. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { person, Watch } from "../support/chat.js";
import { get, PICTURE, PNG } from "../support/files.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack({ env: { DAYFLY_EVENTS: "off" } });
  ana = await person(stack, "ana", {
    onChange: (_, { type, messageId = "", reason = "" }) => {
      heard.push(`${type} ${messageId} ${reason}`.trim());
      watch.changed();
    },
  });
  bo = await person(stack, "bo");
  await Promise.all([ana.connect(), bo.connect()]);
});

afterAll(async () => {
  ana.close();
  bo.close();
  await stack.stop();
});

test("a reader who vanishes is noticed by the lease", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  const { id } = await ana.sendFile(conversation, { ...PICTURE, bytes: PNG });
  await watch.until(() => heard.includes(`message.created ${id}`));
  const view = await bo.openFile(conversation, id);
  view.abandon();
  bo.close();
  await stack.idle();
  expect(await stack.logs("functions")).not.toContain("receiveEvents: Exec");
  await stack.advance("PT46S");
  await watch.until(() => heard.includes(`file.deleted ${id} closed`));
  expect(heard).toContain(`file.closed ${id} lease-expired`);
  expect([403, 404]).toContain(await get(view.url));
});

test("a reader who closes is noticed at once", async () => {
  const { id: conversation } = await ana.start(["cy"]);
  const { id } = await ana.sendFile(conversation, { ...PICTURE, bytes: PNG });
  await watch.until(() => heard.includes(`message.created ${id}`));
  const cy = await person(stack, "cy");
  await (await cy.openFile(conversation, id)).close();
  await watch.until(() => heard.includes(`file.deleted ${id} closed`));
});
