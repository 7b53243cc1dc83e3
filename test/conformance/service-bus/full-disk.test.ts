/**
 * A disk without room, as the kernel has it: the process may not write its files beyond a size (`prlimit`, which needs no rights).
 * EFBIG stands for ENOSPC and EDQUOT, which take the same way; test/unit/service-bus-store/ has those.
 */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { bodies, receive, receiveOne, standInTest, Target } from "./target.js";

const PRLIMIT = "/usr/bin/prlimit";
const diskTest = existsSync(PRLIMIT) ? standInTest : test.skip;
const FULL = { code: "QuotaExceeded", message: expect.stringContaining("The disk is full") };

let target: Target<"plain">;
beforeEach(async () => {
  target = await Target.start({ plain: {} }, 1);
});
afterEach(() => target.stop());

function limitFiles(bytes: number | "unlimited"): void {
  execFileSync(PRLIMIT, [`--pid=${target.part.pid}`, `--fsize=${bytes}:`]);
}

diskTest("sends are refused with a clear error, reads go on, and it recovers when there is room", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const stored: string[] = [];
  /** Sends until the disk refuses. */
  const fill = async (size: number): Promise<unknown> => {
    for (;;) {
      const body = `${stored.length} ${"x".repeat(size)}`;
      const refused = await sender.sendMessages({ body }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refused !== undefined) return refused;
      stored.push(body);
    }
  };
  limitFiles(1_000_000);
  expect(await fill(100_000)).toMatchObject(FULL);
  expect(await fill(1_000)).toMatchObject(FULL);
  // What is left would do for a settlement.
  limitFiles(1);
  expect(await fill(1)).toMatchObject(FULL);
  await expect(sender.sendMessages([{ body: "a" }, { body: "b" }])).rejects.toMatchObject(FULL);
  await expect(sender.scheduleMessages({ body: "later" }, new Date(Date.now() + 60_000))).rejects.toMatchObject(FULL);

  const receiver = target.receiver(queue);
  const [first, second] = await receive(receiver, 2);
  if (first === undefined || second === undefined) throw new Error("No messages.");
  expect([first.body, second.body]).toEqual(stored.slice(0, 2));
  expect(bodies(await receiver.peekMessages(10))).toEqual(stored.slice(0, 10));
  // Not acknowledged, so not done: the lock is held as before.
  await expect(receiver.completeMessage(first)).rejects.toMatchObject(FULL);
  expect(await target.view(queue)).toMatchObject({ active: stored.length, locked: 2 });

  limitFiles("unlimited");
  await receiver.abandonMessage(second);
  await sender.sendMessages({ body: "after" });
  await receiver.completeMessage(await receiveOne(receiver));
  await target.killAndRestart();
  const kept = await receive(target.receiver(queue), stored.length);
  expect(bodies(kept)).toEqual([stored[0], ...stored.slice(2), "after"]);
});
