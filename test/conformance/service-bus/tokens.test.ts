/** Tokens and their time: UnauthorizedAccess when it is over, also for links that are open. */
import { afterAll, beforeAll, expect } from "@jest/globals";
import { once } from "node:events";
import type { EventContext } from "rhea";
import { connectRaw, openReceiver, openSender, putToken, tokenFor } from "./raw-client.js";
import { receiveOne, standInTest, Target } from "./target.js";

const UNAUTHORIZED = { code: "UnauthorizedAccess" };

let target: Target<"plain">;
beforeAll(async () => {
  target = await Target.start({ plain: {} });
});
afterAll(() => target.stop());

/** A connection string that has a token, as an application gets one that is not to know the key. */
function withToken(secondsValid: number): string {
  const token = tokenFor(target.connectionString, secondsValid);
  const [endpoint = ""] = /^Endpoint=[^;]*/.exec(target.connectionString) ?? [];
  return `${endpoint};SharedAccessSignature=${token};UseDevelopmentEmulator=true`;
}

standInTest("a token that is over lets nobody in", async () => {
  const queue = await target.queue("plain");
  const client = target.newClient(withToken(-60));
  await expect(client.createSender(queue).sendMessages({ body: 1 })).rejects.toMatchObject(UNAUTHORIZED);
  await expect(client.createReceiver(queue).receiveMessages(1)).rejects.toMatchObject(UNAUTHORIZED);
  await expect(client.acceptSession(queue, "s")).rejects.toMatchObject(UNAUTHORIZED);
});

standInTest("a token that ends takes the open links along, and the handler of errors is told", async () => {
  const queue = await target.queue("plain");
  // On a slow machine a short token may be over before the link is there: then a longer one.
  for (let seconds = 2; ; seconds *= 2) {
    const client = target.newClient(withToken(seconds));
    const seen = { attached: false };
    const failed = new Promise<unknown>((resolve) => {
      client.createReceiver(queue).subscribe({
        processMessage: () => {
          seen.attached = true;
          return Promise.resolve();
        },
        processError: ({ error }) => {
          resolve(error);
          return Promise.resolve();
        },
      });
    });
    await target.send(queue, { body: "here" });
    expect(await failed).toMatchObject(UNAUTHORIZED);
    expect(await target.until(queue, ({ receivers }) => receivers === 0)).toMatchObject({ receivers: 0 });
    await expect(client.createSender(queue).sendMessages({ body: 1 })).rejects.toMatchObject(UNAUTHORIZED);
    if (seen.attached) return;
  }
});

standInTest(
  "another client: links are detached with amqp:unauthorized-access; a new token lets them in again",
  async () => {
    const queue = await target.queue("plain");
    const connection = await connectRaw(target.connectionString, 2);
    const sender = connection.open_sender(queue);
    const receiver = connection.open_receiver({ source: queue, credit_window: 0 });
    for (const link of [sender, receiver])
      link.on(link === sender ? "sender_error" : "receiver_error", () => undefined);
    const [[senderClosed], [receiverClosed]] = (await Promise.all([
      once(sender, "sender_close"),
      once(receiver, "receiver_close"),
    ])) as [[EventContext], [EventContext]];
    for (const error of [senderClosed.sender?.error, receiverClosed.receiver?.error])
      expect(error).toMatchObject({
        condition: "amqp:unauthorized-access",
        description: expect.stringMatching(/^ExpiredToken/),
      });
    await putToken(connection, tokenFor(target.connectionString, 3_600));
    const again = await openSender(connection, queue);
    again.send({ message_id: "m", body: "let in" });
    await once(again, "accepted");
    await openReceiver(connection, queue);
    expect((await receiveOne(target.receiver(queue))).messageId).toBe("m");
    connection.close();
    await once(connection, "connection_close");
  },
);

standInTest("a jump of the clock ends no token: clients have clocks of their own", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  await sender.sendMessages({ body: 1 });
  await target.part.advance(400 * 86_400_000);
  await sender.sendMessages({ body: 2 });
  const client = target.newClient();
  await client.createSender(queue).sendMessages({ body: 3 });
});
