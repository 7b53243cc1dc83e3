import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { isHookAddress, signatureOf, webhook } from "../../src/lib/webhook.js";
import { startPushService, type PushService } from "../support/push-service.js";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOTICE = { conversationId: "c", messageId: "m", seq: 2, author: "ana", users: ["bo"], expiresAt: "later" };

let service: PushService;
beforeAll(async () => {
  service = await startPushService(SECRET);
});
afterAll(() => service.stop());

test("what it tells is signed, with one id for all tries", async () => {
  const hook = webhook(service.url, SECRET, Date.now);
  service.answers.push({ status: 503 }, { status: 200 });
  expect(await hook.tell("message-m-2", NOTICE)).toBe("later");
  expect(await hook.tell("message-m-2", NOTICE)).toBe("taken");
  const told = service.told.slice(-2);
  expect(told).toMatchObject([
    { id: "message-m-2", isSigned: true },
    { id: "message-m-2", isSigned: true },
  ]);
  expect(JSON.parse(told[0]?.body ?? "")).toMatchObject({ type: "message.waiting", data: NOTICE });
  expect(await webhook(service.url, "A".repeat(32), Date.now).tell("x", NOTICE)).toBe("taken");
  expect(service.told.at(-1)).toMatchObject({ isSigned: false });
});

test("the signature is that of the standard's own example", () => {
  // https://github.com/standard-webhooks/standard-webhooks, in the tests of its libraries.
  const signature = signatureOf(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}');
  expect(signature).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test("it follows nobody elsewhere, and stops for who wants no more", async () => {
  const before = service.told.length;
  service.answers.push({ status: 307, location: service.url }, { status: 410 });
  const hook = webhook(service.url, SECRET, Date.now);
  expect(await hook.tell("x", NOTICE)).toBe("later");
  expect(service.told.length).toBe(before + 1);
  expect(await hook.tell("x", NOTICE)).toBe("gone");
  expect(await webhook("http://127.0.0.1:1/", SECRET, Date.now).tell("x", NOTICE)).toBe("later");
});

test.each([
  ["https://push.example/hook", true],
  ["http://127.0.0.1:8080/", true],
  ["http://localhost/", true],
  ["http://push.example/hook", false],
  ["http://127.0.0.1.example/", false],
  ["http://169.254.169.254/metadata", false],
  ["https://ana:secret@push.example/", false],
  ["file:///etc/passwd", false],
  ["push.example", false],
])("%s may be one: %s", (address, may) => {
  expect(isHookAddress(address)).toBe(may);
});
