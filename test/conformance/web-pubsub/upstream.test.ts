import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "@jest/globals";
import type { WebPubSubServiceClient } from "@azure/web-pubsub";
import { EventHandler, type Received } from "./event-handler.js";
import {
  Clients,
  connected,
  connectionOf,
  groupOf,
  negotiate,
  next,
  removeFolder,
  serviceClient,
  settingsFile,
  standInTest as test,
  startPart,
  temporaryFolder,
  text,
  type Part,
} from "./part-process.js";

const clients = new Clients();
const handler = new EventHandler();
let folder: string;
let part: Part;
let chat: WebPubSubServiceClient;
let origin: string;

const systemEvents = ["connect", "connected", "disconnected"];

beforeAll(async () => {
  folder = await temporaryFolder();
  const url = await handler.start();
  const settings = await settingsFile(folder, {
    hubs: {
      chat: {
        eventHandlers: [
          { urlTemplate: `${url}/first/{event}`, userEventPattern: "one, two" },
          { urlTemplate: `${url}/api/{hub}/{event}?code=secret-code`, userEventPattern: "*", systemEvents },
        ],
      },
      Quiet: { eventHandlers: [{ urlTemplate: `${url}/quiet`, systemEvents: ["connected"] }] },
      wary: { eventHandlers: [{ urlTemplate: `${url}/wary`, userEventPattern: "*", systemEvents }] },
      named: { eventHandlers: [{ urlTemplate: `${url}/named`, systemEvents: ["connect"] }] },
      old: { eventHandlers: [{ urlTemplate: `${url}/old`, systemEvents: ["connect"] }] },
      down: { eventHandlers: [{ urlTemplate: "http://127.0.0.1:9/down", systemEvents: ["connect"] }] },
    },
  });
  part = await startPart({ settings });
  chat = serviceClient(part);
  origin = new URL(part.address).host;
});
beforeEach(() => {
  handler.received.length = 0;
  handler.reply = (event) => handler.usual(event);
});
afterEach(() => {
  clients.closeAll();
});
afterAll(async () => {
  await part.stop();
  handler.stop();
  await removeFolder(folder);
});

const hmac = (key: string, connectionId: string): string =>
  `sha256=${createHmac("sha256", key).update(connectionId).digest("hex")}`;
const posts = (): Received[] => handler.received.filter(({ method }) => method === "POST");

test("a client's life: connect, connected, an event with its acknowledgement, disconnected", async () => {
  handler.reply = (event) =>
    event.headers["ce-eventname"] === "hello" ? { status: 200, body: '430["bar",{"n":1}]' } : handler.usual(event);
  const socket = await clients.connect(chat, "alice", { transports: ["websocket"] });
  const { connectionId } = await connectionOf(part, socket);
  // The first acknowledgement id of a client is 0.
  expect(await socket.emitWithAck("hello", "wörld", 1)).toEqual("bar");
  const { id } = socket;
  socket.disconnect();
  await handler.event("disconnected");

  const common = {
    "webhook-request-origin": origin,
    "ce-specversion": "1.0",
    "ce-awpsversion": "1.0",
    "ce-source": `/hubs/chat/client/${connectionId}`,
    "ce-signature": `${hmac("primary-key", connectionId)},${hmac("secondary-key", connectionId)}`,
    "ce-connectionid": connectionId,
    "ce-hub": "chat",
    "ce-namespace": "/",
    "ce-socketid": id,
    "ce-userid": "alice",
    "ce-time": expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  };
  const json = "application/json; charset=utf-8";
  const [connect, joined, hello, gone] = await Promise.all(
    ["connect", "connected", "hello", "disconnected"].map((name) => handler.event(name)),
  );
  const expected = (name: string, type: string, contentType: string): object => ({
    ...common,
    "ce-type": `azure.webpubsub.${type}.${name}`,
    "ce-eventname": name,
    "content-type": contentType,
  });
  expect(connect?.headers).toMatchObject(expected("connect", "sys", json));
  expect(joined?.headers).toMatchObject(expected("connected", "sys", json));
  expect(hello?.headers).toMatchObject(expected("hello", "user", "text/plain"));
  expect(gone?.headers).toMatchObject(expected("disconnected", "sys", json));
  expect([joined?.body, hello?.body, gone?.body]).toEqual(["{}", '420["hello","wörld",1]', '{"reason":""}']);
  expect(connect?.url).toBe("/api/chat/connect?code=secret-code");
  expect(posts().map(({ headers }) => headers["ce-id"])).toEqual(["1", "2", "3", "4"]);

  const { claims, query, headers, clientCertificates } = JSON.parse(connect?.body ?? "") as Record<
    string,
    Record<string, unknown>
  >;
  expect(claims).toMatchObject({ sub: ["alice"], aud: [`${part.address}/clients/socketio/hubs/chat`] });
  expect(claims?.["exp"]).toEqual([expect.stringMatching(/^\d+$/)]);
  expect(query).toEqual({ EIO: ["4"], transport: ["websocket"] });
  expect(headers).toMatchObject({ host: [origin] });
  expect(clientCertificates).toEqual([]);
});

test("events go to the first handler that wants them, with hub and event in the URL", async () => {
  const socket = await clients.connect(chat, "alice");
  socket.emit("two");
  socket.emit("sl/ash 中");
  expect((await handler.event("two")).url).toBe("/first/two");
  const escaped = await handler.waitFor(({ body }) => body.includes("sl/ash"));
  expect(escaped.url).toBe("/api/chat/sl%2Fash%20%E4%B8%AD?code=secret-code");
  expect(escaped.headers["ce-eventname"]).toBe("sl/ash %E4%B8%AD");
});

test("a socket whose connect is refused stays out, its connection lives on", async () => {
  handler.reply = (event) =>
    event.headers["ce-namespace"] === "/secret" && event.method === "POST"
      ? { status: 401, body: "no" }
      : handler.usual(event);
  const socket = await clients.connect(chat, "alice");
  const refused = clients.join(socket, "/secret");
  await expect(refused).rejects.toThrow("Unauthorized");
  expect((await connectionOf(part, socket)).sockets.map(({ namespace }) => namespace)).toEqual(["/"]);
  expect(await chat.groupExists(groupOf(undefined, "/secret"))).toBe(false);
});

test("a namespace is named, and acknowledged in", async () => {
  handler.reply = (event) =>
    event.headers["ce-eventname"] === "hello" ? { status: 200, body: '43/ns,0["bar"]' } : handler.usual(event);
  const socket = await clients.connect(chat, "alice", {}, "/ns");
  expect(await socket.emitWithAck("hello")).toBe("bar");
  const hello = await handler.event("hello");
  expect([hello.headers["ce-namespace"], hello.body]).toEqual(["/ns", '42/ns,0["hello"]']);
});

test.each(["polling", "websocket"])("binary goes up and comes back over %s", async (transport) => {
  handler.reply = (event) =>
    event.headers["ce-eventname"] === "bin"
      ? { status: 200, body: '461-0[{"_placeholder":true,"num":0}]\x1eb/wA=' }
      : handler.usual(event);
  const socket = await clients.connect(chat, "alice", { transports: [transport] });
  expect(await socket.emitWithAck("bin", Buffer.from([1, 2, 3]), { x: Buffer.from("hi") })).toEqual(
    Buffer.from([255, 0]),
  );
  const placeholder = (num: number): object => ({ _placeholder: true, num });
  expect((await handler.event("bin")).body).toBe(
    `452-0${JSON.stringify(["bin", placeholder(0), { x: placeholder(1) }])}\x1ebAQID\x1ebaGk=`,
  );
});

test("the next event of a connection waits for the answer to the one before; other connections do not", async () => {
  const [slow, other] = await Promise.all([clients.connect(chat, "slow"), clients.connect(chat, "other")]);
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  handler.reply = async (event) => {
    if (event.body === '42["n",1]') await held;
    return handler.usual(event);
  };
  slow.emit("n", 1);
  slow.emit("n", 2);
  await handler.waitFor(({ body }) => body === '42["n",1]');
  other.emit("meanwhile");
  await handler.event("meanwhile");
  expect(posts().some(({ body }) => body === '42["n",2]')).toBe(false);
  // What is sent to the client does not wait either.
  const pushed = next(slow, "pushed");
  await chat.sendToUser("slow", '42["pushed"]', text);
  await pushed;
  release();
  await handler.waitFor(({ body }) => body === '42["n",2]');
});

test("an event that is answered with an error ends the connection, as a lost transport", async () => {
  handler.reply = (event) => (event.headers["ce-eventname"] === "bad" ? { status: 500 } : handler.usual(event));
  const socket = await clients.connect(chat, "alice");
  const { id } = socket;
  const [reason, again] = [next(socket, "disconnect"), next(socket, "connect")];
  socket.emit("bad");
  expect((await reason)[0]).toBe("transport close");
  const gone = await handler.event("disconnected", id);
  expect(JSON.parse(gone.body)).toEqual({ reason: "The event handler answered 500." });
  await again;
});

test("an event that nobody handles ends the connection; one that is not wanted is not sent", async () => {
  const socket = await clients.connect(serviceClient(part, "quiet"), "alice");
  expect((await handler.event("connected", socket.id)).headers["ce-hub"]).toBe("quiet");
  const reason = next(socket, "disconnect");
  socket.emit("anything");
  expect((await reason)[0]).toBe("transport close");
  await next(socket, "connect");
  await handler.event("connected", socket.id);
  const there = posts().filter(({ url }) => url === "/quiet");
  expect(there.map(({ headers }) => headers["ce-eventname"])).toEqual(["connected", "connected"]);
});

test("a connection that is closed by the server says why, one that the client closes does not", async () => {
  const socket = await clients.connect(chat, "alice", { reconnection: false });
  const { connectionId } = await connectionOf(part, socket);
  const { id } = socket;
  await chat.closeConnection(connectionId, { reason: "ServiceReload" });
  expect((await handler.event("disconnected", id)).body).toBe('{"reason":"ServiceReload"}');
});

test("a client that acknowledges an event of the server disturbs nobody", async () => {
  const socket = await clients.connect(chat, "alice");
  socket.on("ask", (answer: (text: string) => void) => {
    answer("yes");
  });
  await chat.sendToUser("alice", '427["ask"]', text);
  socket.emit("after");
  await handler.event("after");
  expect(posts().map(({ headers }) => headers["ce-eventname"])).not.toContain("ask");
});

describe("abuse protection", () => {
  const chatOf = (hub: string): Promise<void> =>
    negotiate(serviceClient(part, hub), { userId: "alice" }).then((at) =>
      connected(clients.open(at, { reconnection: false })),
    );

  // Events of the tests before may still be on their way to other addresses.
  const methodsAt = (url: string): string[] =>
    handler.received.filter((each) => each.url === url).map(({ method }) => method);

  test("asks with the service's address before the first event, and not again within a minute", async () => {
    handler.reply = (event) => ({ ...handler.usual(event), headers: { "webhook-allowed-origin": origin } });
    await chatOf("named");
    await chatOf("named");
    expect(methodsAt("/named")).toEqual(["OPTIONS", "POST", "POST"]);
    const asked = handler.received.find(({ method }) => method === "OPTIONS");
    expect(asked).toMatchObject({
      url: "/named",
      headers: { "webhook-request-origin": origin, "ce-awpsversion": "1.0" },
    });
  });

  test("a handler that does not say that it wants events gets none", async () => {
    handler.reply = () => ({ status: 200, headers: { "webhook-allowed-origin": "other.example" } });
    await expect(chatOf("wary")).rejects.toThrow("Unauthorized");
    expect(methodsAt("/wary")).toEqual(["OPTIONS"]);
    expect(part.log.join("\n")).toContain("/wary gets no events");
  });

  test("one that does not know OPTIONS is asked with GET", async () => {
    handler.reply = ({ method }) => ({
      status: method === "OPTIONS" ? 404 : 200,
      headers: { "webhook-allowed-origin": "*" },
    });
    await chatOf("old");
    expect(methodsAt("/old")).toEqual(["OPTIONS", "GET", "POST"]);
  });

  test("one that is not there refuses everybody, and the log says why", async () => {
    await expect(chatOf("down")).rejects.toThrow("Unauthorized");
    expect(part.log.join("\n")).toMatch(/127\.0\.0\.1:9\/down gets no events: fetch failed/);
  });
});

test("no event, key, code or token is in the log", () => {
  expect(part.log.length).toBeGreaterThan(0);
  expect(part.log.join("\n")).not.toMatch(/wörld|secret-code|primary-key|eyJ/);
});
