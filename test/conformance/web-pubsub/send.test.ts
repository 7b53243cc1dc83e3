import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { odata, type WebPubSubServiceClient } from "@azure/web-pubsub";
import {
  Clients,
  HUB,
  connectionIdOf,
  membersOf,
  groupOf,
  next,
  serviceClient,
  standInTest,
  startTarget,
  text,
  until,
  type Part,
  type Transport,
} from "./part-process.js";

const clients = new Clients();
let part: Part;
let service: WebPubSubServiceClient;

beforeAll(async () => {
  part = await startTarget();
  service = serviceClient(part);
});
afterEach(() => {
  clients.closeAll();
});
afterAll(async () => {
  await part.stop();
});

const packet = (...args: unknown[]): string => `42${JSON.stringify(args)}`;
const END = packet("end");

describe.each<[string, Transport[]]>([
  ["polling", ["polling"]],
  ["websocket", ["websocket"]],
  ["polling with upgrade", ["polling", "websocket"]],
])("over %s", (_, transports) => {
  test("reaches a hub, a namespace, a user, a connection, a socket", async () => {
    const socket = await clients.connect(service, "alice", { transports });
    const connectionId = await connectionIdOf(service, socket);
    const seen = until(socket, "end");
    await service.sendToAll(packet("hub"), text);
    await service.group(groupOf()).sendToAll(packet("namespace"), text);
    await service.sendToUser("alice", packet("user"), text);
    await service.sendToConnection(connectionId, packet("connection"), text);
    await service.group(groupOf(socket.id)).sendToAll(packet("socket"), text);
    await service.sendToAll(END, text);
    expect(await seen).toEqual([["hub"], ["namespace"], ["user"], ["connection"], ["socket"]]);
  });

  test("keeps every argument as it is: unicode, numbers, nesting, nothing", async () => {
    const socket = await clients.connect(service, "alice", { transports });
    const args = ['naïve 中文 👩‍👩‍👧 \u2028 \u0000 \\ "', 0, -1.5, true, null, { a: [{ b: {} }] }, "x".repeat(70_000)];
    const received = next(socket, "ev");
    await service.sendToAll(packet("ev", ...args), text);
    expect(await received).toEqual(args);
    const empty = next(socket, "none");
    await service.sendToAll(packet("none"), text);
    expect(await empty).toEqual([]);
  });

  test("carries binary to the client", async () => {
    const socket = await clients.connect(service, "alice", { transports });
    const received = next(socket, "bin");
    const placeholder = (num: number): object => ({ _placeholder: true, num });
    const payload = `452-${JSON.stringify(["bin", placeholder(0), { x: placeholder(1) }])}\x1ebAQID\x1ebaGk=`;
    await service.sendToAll(payload, text);
    expect(await received).toEqual([Buffer.from([1, 2, 3]), { x: Buffer.from("hi") }]);
  });

  test("ends a socket: the client knows that the server wanted it, and does not come back", async () => {
    const socket = await clients.connect(service, "alice", { transports });
    const reason = next(socket, "disconnect");
    await service.group(groupOf(socket.id)).sendToAll("41", text);
    expect((await reason)[0]).toBe("io server disconnect");
    expect(socket.active).toBe(false);
  });

  test("closing the connection looks like a lost transport: the client comes back as another socket, without its rooms", async () => {
    const socket = await clients.connect(service, "alice", { transports });
    const before = { id: socket.id, connectionId: await connectionIdOf(service, socket) };
    await service.group(groupOf("rm")).addConnection(before.connectionId);
    const [reason, again] = [next(socket, "disconnect"), next(socket, "connect")];
    await service.closeConnection(before.connectionId, { reason: "ServiceReload" });
    expect((await reason)[0]).toBe("transport close");
    expect(await service.connectionExists(before.connectionId)).toBe(false);
    expect(await service.groupExists(groupOf("rm"))).toBe(false);
    // Sent while nobody is there: accepted all the same, and lost.
    await service.group(groupOf("rm")).sendToAll(packet("lost"), text);
    await again;
    const connectionId = await connectionIdOf(service, socket);
    expect(socket.id).not.toBe(before.id);
    expect(socket.recovered).toBeFalsy();
    expect(connectionId).not.toBe(before.connectionId);
    expect(await membersOf(service, groupOf())).toEqual([connectionId]);
    expect(await service.groupExists(groupOf("rm"))).toBe(false);
  });
});

test("only the members of a room hear what is said in it, in the order of the calls", async () => {
  const [inside, outside] = await Promise.all([clients.connect(service, "in"), clients.connect(service, "out")]);
  const room = service.group(groupOf("rm"));
  await room.addConnection(await connectionIdOf(service, inside));
  const [heard, overheard] = [until(inside, "end"), until(outside, "end")];
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  for (const i of numbers) await room.sendToAll(packet("n", i), text);
  await service.sendToAll(END, text);
  expect(await heard).toEqual(numbers.map((i) => ["n", i]));
  expect(await overheard).toEqual([]);
});

test("filters say who hears it, whatever is in the names", async () => {
  const users = ["alice", "o'brien", "ünï 中", "dave"];
  const sockets = await Promise.all(users.map((user) => clients.connect(service, user)));
  const heard = sockets.map((socket) => until(socket, "end"));
  const send = (name: string, filter: string): Promise<void> => service.sendToAll(packet(name), { filter, ...text });
  await send("eq", odata`userId eq ${"o'brien"}`);
  await send("in", odata`userId in (${"alice"}, ${"o'brien"}, ${"ünï 中"})`);
  await send("ne", "not (userId eq 'alice') and userId ne 'dave'");
  await send("socket", `'${groupOf(sockets[0]?.id)}' in groups or '${groupOf(sockets[3]?.id)}' in groups`);
  await send("", "");
  await service.group(groupOf()).sendToAll(packet("ns"), { filter: "startswith(userId, 'a')", ...text });
  await service.sendToUser("dave", packet("user"), { filter: "userId eq 'alice'", ...text });
  await service.sendToAll(END, text);
  const names = (await Promise.all(heard)).map((events) => events.map(([name]) => name));
  expect(names).toEqual([
    ["in", "socket", "", "ns"],
    ["eq", "in", "ne", ""],
    ["in", "ne", ""],
    ["socket", ""],
  ]);
});

test("'and' binds tighter than 'or': without parentheses an excluded room still hears its own", async () => {
  const [a, b] = await Promise.all([clients.connect(service, "a"), clients.connect(service, "b")]);
  const heard = [until(a, "end"), until(b, "end")];
  const not = `not ('${groupOf(a.id)}' in groups)`;
  const rooms = `'${groupOf(a.id)}' in groups or '${groupOf(b.id)}' in groups`;
  await service.sendToAll(packet("loose"), { filter: `${rooms} and ${not}`, ...text });
  await service.sendToAll(packet("grouped"), { filter: `(${rooms}) and ${not}`, ...text });
  await service.sendToAll(END, text);
  expect(await Promise.all(heard)).toEqual([[["loose"]], [["loose"], ["grouped"]]]);
});

test("excluded connections hear nothing", async () => {
  const [a, b] = await Promise.all([clients.connect(service, "a"), clients.connect(service, "b")]);
  const ids = [await connectionIdOf(service, a), "unknown"];
  const heard = [until(a, "end"), until(b, "end")];
  await service.sendToAll(packet("all"), { excludedConnections: ids, ...text });
  await service.group(groupOf()).sendToAll(packet("group"), { excludedConnections: ids, ...text });
  await service.sendToAll(END, text);
  expect(await Promise.all(heard)).toEqual([[], [["all"], ["group"]]]);
});

test("namespaces share a connection, and have rooms of their own", async () => {
  const main = await clients.connect(service, "alice");
  const other = await clients.join(main, "/中文-ñ");
  const connectionId = await connectionIdOf(service, main);
  for (const group of [groupOf(), groupOf(undefined, "/中文-ñ"), groupOf(other.id, "/中文-ñ")])
    expect(await membersOf(service, group)).toEqual([connectionId]);
  const [heard, heardThere] = [until(main, "end"), until(other, "end")];
  await service.group(groupOf(undefined, "/中文-ñ")).sendToAll('42/中文-ñ,["there"]', text);
  await service.sendToAll(`${packet("here")}\x1e42/中文-ñ,["end"]\x1e${END}`, text);
  expect([await heard, await heardThere]).toEqual([[["here"]], [["there"]]]);
});

test("a client that leaves a namespace leaves its rooms, and keeps the others", async () => {
  const main = await clients.connect(service, "alice");
  const other = await clients.join(main, "/ns");
  const connectionId = await connectionIdOf(service, main);
  await service.group(groupOf("rm", "/ns")).addConnection(connectionId);
  const left = [groupOf("rm", "/ns"), groupOf(undefined, "/ns"), groupOf(other.id, "/ns")];
  other.disconnect();
  const again = await clients.join(main, "/again");
  for (const group of left) expect(await membersOf(service, group)).toEqual([]);
  for (const group of [groupOf(), groupOf(undefined, "/again"), groupOf(again.id, "/again")])
    expect(await membersOf(service, group)).toEqual([connectionId]);
});

test("a disconnect packet ends one namespace; with close it ends the connection", async () => {
  const main = await clients.connect(service, "alice");
  const other = await clients.join(main, "/ns");
  const connectionId = await connectionIdOf(service, main);
  const gone = next(other, "disconnect");
  await service.group(groupOf(other.id, "/ns")).sendToAll("41/ns,", text);
  expect((await gone)[0]).toBe("io server disconnect");
  expect(await membersOf(service, groupOf(undefined, "/ns"))).toEqual([]);
  expect(main.connected).toBe(true);

  // A stock client cannot read the argument: the service must have taken it away.
  const closed = next(main, "disconnect");
  await service.sendToConnection(connectionId, '41{"close":true}', text);
  expect((await closed)[0]).toBe("io server disconnect");
  expect(await service.connectionExists(connectionId)).toBe(false);
});

test("a disconnect packet to rooms takes only who is in them", async () => {
  const [a, b] = await Promise.all([clients.connect(service, "a"), clients.connect(service, "b")]);
  const gone = next(a, "disconnect");
  await service.sendToAll("41", { filter: `'${groupOf(a.id)}' in groups`, ...text });
  await gone;
  const heard = until(b, "end");
  await service.sendToAll(END, text);
  expect(await heard).toEqual([]);
});

standInTest("a text without contentType is accepted, reaches nobody, and the log says why", async () => {
  const socket = await clients.connect(service, "alice");
  const heard = until(socket, "end");
  await service.sendToAll(packet("secret words"));
  await service.sendToAll(Buffer.from(packet("secret words")));
  await service.sendToAll("secret words", text);
  await service.sendToAll(END, text);
  expect(await heard).toEqual([]);
  const log = part.log.join("\n");
  expect(log).toContain('with contentType "text/plain"');
  expect(log).not.toContain("secret words");
});

test("a send to nobody is accepted", async () => {
  await service.group(groupOf("nobody")).sendToAll(packet("x"), text);
  await service.sendToUser("nobody", packet("x"), text);
  await service.sendToConnection("nobody", packet("x"), text);
});

test("an event of the largest size arrives, a larger one is refused and the client hears why at once", async () => {
  const socket = await clients.connect(service, "alice");
  const overhead = Buffer.byteLength(packet("big", ""));
  const largest = "x".repeat(1024 * 1024 - overhead);
  const received = next(socket, "big");
  await service.sendToAll(packet("big", largest), text);
  expect(await received).toEqual([largest]);
  await expect(service.sendToAll(packet("big", `${largest}x`), text)).rejects.toMatchObject({
    statusCode: 400,
    message: expect.stringContaining("Invalid Content-Length header."),
  });
});

test("hubs know nothing of one another, and ignore the case of their names", async () => {
  const socket = await clients.connect(service, "alice");
  const heard = until(socket, "end");
  await serviceClient(part, `${HUB}other`).sendToAll(packet("other"), text);
  await serviceClient(part, HUB.toUpperCase()).sendToAll(packet("same"), text);
  await service.sendToAll(END, text);
  expect(await heard).toEqual([["same"]]);
});
