/** SB-59: dead letters that go on to another queue. */
import { afterEach, beforeEach, expect } from "@jest/globals";
import { bodies, receive, receiveNone, receiveOne, standInTest, Target } from "./target.js";

const HOUR = 3_600_000;
const CHAIN = ["a", "b", "c", "d", "e", "f"] as const;

let target: Target;
beforeEach(async () => {
  const chain = CHAIN.map((name, n) => {
    const next = CHAIN[n + 1];
    return [name, next === undefined ? {} : { forwardDeadLetteredMessagesTo: `${next}-0` }] as const;
  });
  target = await Target.start(
    {
      source: {
        forwardDeadLetteredMessagesTo: "LETTERS-0",
        maxDeliveryCount: 1,
        deadLetteringOnMessageExpiration: true,
      },
      letters: {},
      strict: { forwardDeadLetteredMessagesTo: "sessions-0" },
      sessions: { requiresSession: true },
      plenty: { forwardDeadLetteredMessagesTo: "small-0" },
      small: { maxSizeInMegabytes: 1 },
      ...Object.fromEntries(chain),
    },
    1,
  );
});
afterEach(() => target.stop());

async function deadLetter(queue: string, reason: string): Promise<void> {
  const receiver = target.receiver(queue);
  await receiver.deadLetterMessage(await receiveOne(receiver), {
    deadLetterReason: reason,
    deadLetterErrorDescription: `${reason}, at length`,
    colour: "red",
  });
  await receiver.close();
}

standInTest("SB-36: a letter goes on as a new message, with its reason, its source and its first number", async () => {
  await target.send("letters-0", { body: "earlier" });
  await target.send("source-0", { body: "alive" }, { body: "dead", messageId: "m", sessionId: "s", subject: "kept" });
  const receiver = target.receiver("source-0");
  const [alive] = await receive(receiver, 1);
  await deadLetter("source-0", "spoilt");
  const [, letter] = await receive(target.receiver("letters-0"), 2);
  expect(letter).toMatchObject({
    ...{ body: "dead", messageId: "m", sessionId: "s", subject: "kept", deliveryCount: 0 },
    ...{ deadLetterReason: "spoilt", deadLetterErrorDescription: "spoilt, at length", deadLetterSource: "source-0" },
    applicationProperties: { colour: "red" },
  });
  expect(letter?.sequenceNumber?.toNumber()).toBe(2);
  expect(letter?.enqueuedSequenceNumber).toBe(2);
  expect(await target.deadLetters("source-0").peekMessages(10)).toEqual([]);
  expect(await target.view("source-0")).toMatchObject({ active: 1, deadLetter: 0 });
  expect(alive?.body).toBe("alive");
});

standInTest("whatever made it a dead letter; and none is lost or doubled by a crash", async () => {
  await target.send("source-0", { body: "expired", timeToLive: HOUR }, { body: "failed" });
  const receiver = target.receiver("source-0");
  const [, failed] = await receive(receiver, 2);
  if (failed === undefined) throw new Error("No message has come.");
  await receiver.abandonMessage(failed);
  const sender = target.client.createSender("source-0");
  await sender.sendMessages(Array.from({ length: 50 }, (_, n) => ({ body: `late ${n}`, timeToLive: HOUR })));
  await target.part.end("SIGKILL");
  await target.part.advance(2 * HOUR);
  // They expire, and go on, at the start; the kill falls where it falls.
  await target.killAndRestart();
  await target.killAndRestart();
  await target.until("letters-0", ({ active }) => active === 52);
  const letters = await receive(target.receiver("letters-0"), 52);
  expect(new Set(bodies(letters)).size).toBe(52);
  expect(new Set(letters.map(({ deadLetterReason }) => deadLetterReason))).toEqual(
    new Set(["TTLExpiredException", "MaxDeliveryCountExceeded"]),
  );
  expect(await target.view("source-0")).toMatchObject({ active: 0, deadLetter: 0, sizeInBytes: 0 });
});

standInTest("what the other queue cannot take stays a dead letter, to be received", async () => {
  await target.send("strict-0", { body: "without a session" }, { body: "with one", sessionId: "s" });
  await deadLetter("strict-0", "r");
  await deadLetter("strict-0", "r");
  const session = await target.client.acceptNextSession("sessions-0");
  expect((await receiveOne(session)).body).toBe("with one");
  const letters = target.deadLetters("strict-0");
  const letter = await receiveOne(letters);
  expect(letter).toMatchObject({ body: "without a session", deadLetterReason: "r" });
  await letters.completeMessage(letter);
  expect(await target.view("strict-0")).toMatchObject({ deadLetter: 0 });
});

standInTest("a full queue takes letters when it has room again", async () => {
  const filler = target.client.createSender("small-0");
  for (let n = 0; n < 5; n++) await filler.sendMessages({ body: "x".repeat(200_000) });
  await target.send("plenty-0", { body: "y".repeat(100_000) });
  await deadLetter("plenty-0", "r");
  await target.until("plenty-0", ({ deadLetter: letters }) => letters === 1);
  expect((await target.deadLetters("plenty-0").peekMessages(1)).length).toBe(1);
  const receiver = target.client.createReceiver("small-0", { receiveMode: "receiveAndDelete" });
  await receive(receiver, 5);
  expect(await receiveOne(receiver)).toMatchObject({ deadLetterReason: "r", deadLetterSource: "plenty-0" });
  await target.until("plenty-0", ({ deadLetter: letters }) => letters === 0);
});

standInTest("four hops and no more", async () => {
  await target.send("a-0", { body: "far" });
  for (const name of ["a-0", "b-0", "c-0", "d-0", "e-0"]) await deadLetter(name, `in ${name}`);
  const letter = await receiveOne(target.deadLetters("e-0"));
  expect(letter).toMatchObject({ body: "far", deadLetterReason: "in e-0", deadLetterSource: "d-0" });
  expect(letter.enqueuedSequenceNumber).toBe(1);
  expect(await receiveNone(target.receiver("f-0"))).toEqual([]);
});
