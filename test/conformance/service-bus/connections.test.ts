/** Several clients, other clients, and clients that break the protocol: nobody may suffer from another. */
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import type { Connection, Delivery, EventContext, Message } from "rhea";
import { connectRaw, openReceiver, openSender, partsOf } from "./raw-client.js";
import { bodies, receive, receiveOne, standInTest, Target } from "./target.js";

const frames = createRequire(import.meta.url)("rhea/lib/frames.js") as Readonly<
  Record<"attach" | "detach" | "disposition" | "end" | "flow", (fields: object) => unknown>
>;

let target: Target<"plain" | "second">;
const raw: Connection[] = [];
const sockets: Socket[] = [];
beforeAll(async () => {
  target = await Target.start({ plain: {}, second: { lockDuration: "PT1S" } });
});
afterAll(async () => {
  for (const connection of raw) connection.close();
  for (const socket of sockets) socket.destroy();
  await target.stop();
});

async function rawConnection(): Promise<Connection> {
  const connection = await connectRaw(target.connectionString);
  raw.push(connection);
  return connection;
}

async function rawSocket(): Promise<Socket> {
  const { host, port } = partsOf(target.connectionString);
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** A new client can send and receive. */
async function othersAreServed(): Promise<void> {
  const queue = await target.queue("plain");
  const client = target.newClient();
  await client.createSender(queue).sendMessages({ body: "well" });
  const receiver = client.createReceiver(queue);
  await receiver.completeMessage(await receiveOne(receiver));
  await client.close();
}

standInTest("several clients, each with many links on one connection", async () => {
  const queues = await Promise.all(Array.from({ length: 5 }, () => target.queue("plain")));
  const clients = Array.from({ length: 4 }, () => target.newClient());
  await Promise.all(
    clients.flatMap((client, n) => queues.map((queue) => client.createSender(queue).sendMessages({ body: n }))),
  );
  for (const [index, queue] of queues.entries()) {
    const client = clients[index % clients.length] ?? target.client;
    expect(bodies(await receive(client.createReceiver(queue), 4)).sort()).toEqual([0, 1, 2, 3]);
  }
});

standInTest("a client that closes takes nobody's links along", async () => {
  const queue = await target.queue("plain");
  const [going, staying] = [target.newClient(), target.newClient()];
  const receiver = staying.createReceiver(queue);
  const waiting = receiveOne(receiver);
  await going.createSender(queue).sendMessages({ body: 1 });
  await going.close();
  expect((await waiting).body).toBe(1);
});

describe("plain rhea", () => {
  standInTest("sends and receives, with accepted after the message is stored", async () => {
    const queue = await target.queue("plain");
    const connection = await rawConnection();
    const sender = await openSender(connection, queue);
    const accepted = once(sender, "accepted");
    sender.send({ message_id: "raw", body: { content: Buffer.from('"from rhea"'), typecode: 117 } as never });
    await accepted;
    expect(await receiveOne(target.receiver(queue))).toMatchObject({ messageId: "raw", body: "from rhea" });
  });

  standInTest("gets what the SDK has sent, with a lock token as its tag, and settles each way", async () => {
    const queue = await target.queue("plain");
    await target.send(queue, { body: "a" });
    const receiver = await openReceiver(await rawConnection(), queue);
    const next = async (): Promise<{ message: Message; delivery: Delivery }> => {
      const arrived = once(receiver, "message") as Promise<[EventContext]>;
      receiver.add_credit(1);
      const [{ message, delivery }] = await arrived;
      if (message === undefined || delivery === undefined) throw new Error("Nothing came.");
      return { message, delivery };
    };
    const first = await next();
    expect((first.delivery as unknown as { tag: Buffer }).tag).toHaveLength(16);
    expect(first.message.message_annotations).toMatchObject({ "x-opt-sequence-number": 1 });
    first.delivery.release();
    const second = await next();
    // SB-14: released does not count.
    expect(second.message.delivery_count).toBe(0);
    second.delivery.modified({ delivery_failed: true, undeliverable_here: false });
    const third = await next();
    expect(third.message.delivery_count).toBe(1);
    const settled = once(receiver, "settled");
    third.delivery.accept();
    await settled;
    await target.until(queue, ({ active }) => active === 0);
  });

  standInTest("is refused without a token", async () => {
    const { host, port } = partsOf(target.connectionString);
    const { default: rhea } = await import("rhea");
    const connection = rhea.create_container().connect({ host, port, reconnect: false });
    raw.push(connection);
    const sender = connection.open_sender(await target.queue("plain"));
    await once(sender, "sender_error");
    expect(sender.error).toMatchObject({ condition: "amqp:unauthorized-access" });
  });
});

describe("who breaks the protocol hurts nobody", () => {
  const header = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);
  const noise: readonly (readonly [string, Buffer])[] = [
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["random bytes", Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 7_919) % 256))],
    ["a frame without an end", Buffer.concat([header, Buffer.from([0, 0, 0, 0, 2, 0, 0, 0])])],
    ["a frame of an unknown type", Buffer.concat([header, Buffer.from([0, 0, 0, 8, 2, 9, 0, 0])])],
    [
      "a frame that lies about its content",
      Buffer.concat([header, Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x10, 0xc0])]),
    ],
  ];
  for (const [name, bytes] of noise) {
    standInTest(`${name}: the connection is cut`, async () => {
      const socket = await rawSocket();
      const ended = once(socket, "end");
      socket.write(bytes);
      socket.resume();
      await ended;
      await othersAreServed();
    });
  }

  standInTest("who goes on after the connection was cut is not listened to", async () => {
    const socket = await rawSocket();
    const ended = once(socket, "end");
    socket.write(noise[0]?.[1] ?? "");
    socket.resume();
    await ended;
    const lines = target.part.log.length;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    // Writing to who does not listen ends in an error, which is the point.
    socket.on("error", () => undefined);
    const goOn = (): void => {
      if (socket.destroyed) return;
      socket.write("and more");
      setImmediate(goOn);
    };
    goOn();
    await closed;
    // The line of the cut itself may come after the end of the socket.
    expect(target.part.log.length).toBeLessThanOrEqual(lines + 1);
  });

  standInTest("a frame larger than was agreed on: the connection is cut before it has come", async () => {
    const connection = await rawConnection();
    const { socket } = connection as unknown as { socket: Socket };
    const closed = once(socket, "close");
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff, 2, 0, 0, 0]));
    await closed;
    await othersAreServed();
  });

  standInTest("a disposition of four billion deliveries", async () => {
    const queue = await target.queue("plain");
    await target.send(queue, { body: "a" });
    const receiver = await openReceiver(await rawConnection(), queue);
    const arrived = once(receiver, "message");
    receiver.add_credit(1);
    await arrived;
    const session = receiver.session as unknown as { output(frame: unknown): void };
    session.output(frames.disposition({ role: true, first: 1, last: 0xffff_ffff, settled: true }));
    session.output(frames.disposition({ role: false, first: 0, last: 0xffff_ffff, settled: true }));
    await othersAreServed();
  });

  standInTest(
    "a detach and an end behind the end of their session are passed over, and the connection goes on",
    async () => {
      const queue = await target.queue("plain");
      const connection = await rawConnection();
      const writeFrame = (performative: unknown): void =>
        (connection as unknown as { _write_frame(channel: number, frame: unknown): void })._write_frame(
          99,
          performative,
        );
      const late = connection.create_session();
      late.open();
      await once(late, "session_open");
      late.close();
      await once(late, "session_close");
      writeFrame(frames.detach({ handle: 0, closed: true }));
      writeFrame(frames.end({}));
      const sender = await openSender(connection, queue);
      const accepted = once(sender, "accepted");
      sender.send({ body: "on the same connection" });
      await accepted;
      const cut = once(connection, "disconnected");
      writeFrame(frames.attach({ name: "of no session", handle: 0, role: true }));
      await cut;
      await othersAreServed();
    },
  );

  standInTest("a flow without a count of deliveries is credit all the same", async () => {
    const queue = await target.queue("plain");
    const receiver = await openReceiver(await rawConnection(), queue);
    const session = receiver.session as unknown as { output(frame: unknown): void };
    const handle = (receiver as unknown as { local: { handle: number } }).local.handle;
    session.output(
      frames.flow({
        next_incoming_id: 0,
        incoming_window: 100,
        next_outgoing_id: 0,
        outgoing_window: 100,
        handle,
        link_credit: 1,
      }),
    );
    const arrived = once(receiver, "message") as Promise<[EventContext]>;
    await target.send(queue, { body: "a" });
    expect((await arrived)[0].message).toBeDefined();
    await othersAreServed();
  });

  standInTest("a client that never reads", async () => {
    const queue = await target.queue("second");
    const sender = target.client.createSender(queue);
    const large = Buffer.alloc(100_000);
    for (let n = 0; n < 100; n++) await sender.sendMessages([{ body: large }, { body: large }]);
    const connection = await rawConnection();
    const receiver = await openReceiver(connection, queue);
    receiver.add_credit(200);
    const { socket } = connection as unknown as { socket: Socket };
    await target.until(queue, ({ locked }) => locked > 100);
    socket.pause();
    await othersAreServed();
    socket.destroy();
    // SB-16: its locks end, and others get what it had.
    expect((await receive(target.receiver(queue), 20)).length).toBe(20);
  });
});

standInTest("a socket that is destroyed frees its links at once", async () => {
  const queue = await target.queue("plain");
  const connection = await rawConnection();
  const receiver = await openReceiver(connection, queue);
  receiver.add_credit(10);
  await target.until(queue, ({ receivers }) => receivers === 1);
  (connection as unknown as { socket: Socket }).socket.destroy();
  await target.until(queue, ({ receivers }) => receivers === 0);
  await target.send(queue, { body: "a" });
  expect((await receiveOne(target.receiver(queue))).body).toBe("a");
});

standInTest("a client that grants credit with its attach, before it is answered, gets what it asked for", async () => {
  const queue = await target.queue("plain");
  for (let n = 0; n < 5; n++) await target.send(queue, { body: n });
  const connection = await connectRaw(target.connectionString);
  const receiver = connection.open_receiver({ source: queue, credit_window: 0, autoaccept: true });
  const got: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    receiver.on("message", ({ message }: EventContext) => {
      if (got.push(message?.message_id) === 3) resolve();
    });
  });
  receiver.add_credit(3);
  await all;
  await target.until(queue, ({ active }) => active === 2);
  connection.close();
  await once(connection, "connection_close");
});
