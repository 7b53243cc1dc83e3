/** SB-60: a queue that nobody uses for its `autoDeleteOnIdle` is deleted. */
import { afterEach, beforeEach, expect } from "@jest/globals";
import { receiveOne, standInTest, Target } from "./target.js";

const MINUTE = 60_000;

let target: Target<"brief" | "plain">;
beforeEach(async () => {
  target = await Target.start({ brief: { autoDeleteOnIdle: "PT5M" }, plain: {} }, 3);
});
afterEach(() => target.stop());

async function ask(method: string, queue: string, body?: object): Promise<number> {
  const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const { status } = await fetch(`${target.part.announcement.management}/queues/${queue}`, init);
  return status;
}

async function untilGone(queue: string): Promise<void> {
  while ((await ask("GET", queue)) !== 404);
}

standInTest("it goes with what is in it, and clients are told", async () => {
  const [queue, other] = [await target.queue("brief"), await target.queue("plain")];
  await target.send(queue, { body: 1 });
  await target.part.advance(4 * MINUTE);
  await target.receiver(queue).peekMessages(1);
  await target.part.advance(4 * MINUTE);
  expect(await target.view(queue)).toMatchObject({ active: 1 });
  await target.part.advance(MINUTE);
  await untilGone(queue);
  await expect(target.send(queue, { body: 2 })).rejects.toMatchObject({ code: "MessagingEntityNotFound" });
  await target.part.advance(1_000 * MINUTE);
  expect(await ask("GET", other)).toBe(200);
});

standInTest("not while a receiver is attached, or a message is scheduled", async () => {
  const [received, scheduled] = [await target.queue("brief"), await target.queue("brief")];
  const receiver = target.receiver(received);
  const first = new Promise((resolve) => {
    receiver.subscribe({
      processMessage: ({ body }) => {
        resolve(body);
        return Promise.resolve();
      },
      processError: () => Promise.resolve(),
    });
  });
  await target.until(received, ({ receivers }) => receivers === 1);
  const at = new Date(target.part.now() + 60 * MINUTE);
  await target.client.createSender(scheduled).scheduleMessages({ body: "later" }, at);
  for (let n = 0; n < 5; n++) {
    await target.part.advance(10 * MINUTE);
    expect([await ask("GET", received), await ask("GET", scheduled)]).toEqual([200, 200]);
  }
  await target.send(received, { body: "first" });
  expect(await first).toBe("first");
  await receiver.close();
  await target.until(received, ({ receivers }) => receivers === 0);
  await target.part.advance(5 * MINUTE);
  await untilGone(received);
  await target.part.advance(6 * MINUTE);
  expect((await receiveOne(target.receiver(scheduled))).body).toBe("later");
});

standInTest(
  "one that was made at run time stays gone; the topology's is made anew, empty, at the next start",
  async () => {
    const queue = await target.queue("brief");
    await target.send(queue, { body: 1 });
    expect(await ask("PUT", "made", { autoDeleteOnIdle: "PT6M" })).toBe(201);
    expect(await ask("PUT", "refused", { autoDeleteOnIdle: "PT4M" })).toBe(400);
    expect(await ask("PUT", "refused", { forwardDeadLetteredMessagesTo: "nowhere" })).toBe(400);
    await target.part.advance(6 * MINUTE);
    await Promise.all([untilGone(queue), untilGone("made")]);
    // A crash before its definition has gone, too, would bring it back, empty.
    while (!target.part.log.some((line) => line.includes("it was idle") && line.includes('"made"')))
      await ask("GET", "made");
    await target.killAndRestart();
    expect(await ask("GET", "made")).toBe(404);
    expect(await target.view(queue)).toMatchObject({ active: 0, sizeInBytes: 0 });
    await target.send(queue, { body: 2 });
    expect((await receiveOne(target.receiver(queue))).sequenceNumber?.toNumber()).toBe(1);
  },
);
