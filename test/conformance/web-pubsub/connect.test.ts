import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect } from "@jest/globals";
import type { WebPubSubServiceClient } from "@azure/web-pubsub";
import WebSocket from "ws";
import {
  Clients,
  connected,
  connectionOf,
  negotiate,
  removeFolder,
  serviceClient,
  settingsFile,
  standInTest as test,
  startPart,
  temporaryFolder,
  type Part,
  type Transport,
} from "./part-process.js";

const clients = new Clients();
let folder: string;
let part: Part;
let service: WebPubSubServiceClient;

beforeAll(async () => {
  folder = await temporaryFolder();
  const settings = await settingsFile(folder, { hubs: { open: { anonymousConnectPolicy: "Allow" } } });
  part = await startPart({ settings });
  service = serviceClient(part);
});
afterEach(() => {
  clients.closeAll();
});
afterAll(async () => {
  expect(await part.stop()).toBe(0);
  await removeFolder(folder);
});

const path = "/clients/socketio/hubs/chat";
const nowS = (): number => Math.floor(Date.now() / 1000);

/** A token as nobody's SDK would make it. */
function jwt(claims: object, { key = "primary-key", header = { alg: "HS256", typ: "JWT" } } = {}): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode(header)}.${encode({ aud: part.address + path, exp: nowS() + 60, ...claims })}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

/** The status of an Engine.IO handshake by polling. */
async function statusOf(token: string | undefined, target = path): Promise<number> {
  const query = token === undefined ? "" : `&access_token=${token}`;
  const response = await fetch(`${part.address}${target}/?EIO=4&transport=polling${query}`);
  await response.text();
  return response.status;
}

/** The status of an Engine.IO handshake by WebSocket; 101 when it is accepted. */
function upgradeStatusOf(token: string, target = path): Promise<number> {
  const url = `${part.address.replace("http", "ws")}${target}/?EIO=4&transport=websocket&access_token=${token}`;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.on("open", () => {
      socket.close();
      resolve(101);
    });
    socket.on("unexpected-response", (_request, response) => {
      resolve(response.statusCode ?? 0);
    });
    socket.on("error", reject);
  });
}

describe.each<[string, Transport[]]>([
  ["polling", ["polling"]],
  ["websocket", ["websocket"]],
  ["polling with upgrade", ["polling", "websocket"]],
])("over %s", (_, transports) => {
  test("a client with a token connects, as its user", async () => {
    const socket = clients.open(await negotiate(service, { userId: "alice" }), { transports });
    await connected(socket);
    const { userId, connectionId, sockets } = await connectionOf(part, socket);
    expect({ userId, sockets }).toEqual({ userId: "alice", sockets: [{ id: socket.id, namespace: "/" }] });
    expect(connectionId).toMatch(/^[0-9a-f]{32}$/);
    expect(await service.connectionExists(connectionId)).toBe(true);
  });

  test("a client without a token is refused with 401", async () => {
    const socket = clients.open({ endpoint: part.address, path }, { transports, reconnection: false });
    const refusal = connected(socket);
    // A WebSocket shows the status in the text of its event alone.
    await expect(refusal).rejects.toMatchObject(
      transports[0] === "polling"
        ? { context: { status: 401 } }
        : { description: { message: expect.stringContaining("401") } },
    );
  });
});

test("upgrading keeps the connection, its socket and its groups", async () => {
  const socket = clients.open(await negotiate(service, { userId: "alice" }), { transports: ["polling", "websocket"] });
  const upgraded = new Promise((resolve) => socket.io.on("open", () => socket.io.engine.once("upgrade", resolve)));
  await connected(socket);
  const before = await connectionOf(part, socket);
  await upgraded;
  const after = await connectionOf(part, socket);
  expect(after.transport).toBe("websocket");
  expect({ ...after, transport: "" }).toEqual({ ...before, transport: "" });
});

describe("a token", () => {
  test("is accepted when it is signed with either key", async () => {
    expect(await statusOf(jwt({}))).toBe(200);
    expect(await statusOf(jwt({}, { key: "secondary-key" }))).toBe(200);
    expect(await upgradeStatusOf(jwt({}))).toBe(101);
  });

  test.each<[string, () => string]>([
    ["signed with another key", () => jwt({}, { key: "another key" })],
    [
      "unsigned",
      () =>
        `${jwt({}, { header: { alg: "none", typ: "JWT" } })
          .split(".")
          .slice(0, 2)
          .join(".")}.`,
    ],
    ["of another algorithm", () => jwt({}, { header: { alg: "HS512", typ: "JWT" } })],
    ["expired beyond the clock skew", () => jwt({ exp: nowS() - 301 })],
    ["without expiry", () => jwt({ exp: undefined })],
    ["not valid yet", () => jwt({ nbf: nowS() + 400 })],
    ["for another hub", () => jwt({ aud: `${part.address}/clients/socketio/hubs/other` })],
    ["for another endpoint", () => jwt({ aud: `https://other.webpubsub.azure.com${path}` })],
    ["for plain Web PubSub", () => jwt({ aud: `${part.address}/client/hubs/chat` })],
    ["without audience", () => jwt({ aud: undefined })],
    ["that is none", () => "not-a-token"],
    ["that is empty", () => ""],
  ])("%s is refused with 401", async (_, token) => {
    expect(await statusOf(token())).toBe(401);
    expect(await upgradeStatusOf(token())).toBe(401);
  });

  test("may have expired or begin within the clock skew of five minutes", async () => {
    expect(await statusOf(jwt({ exp: nowS() - 200 }))).toBe(200);
    expect(await statusOf(jwt({ nbf: nowS() + 200 }))).toBe(200);
  });

  test("names its hub in any case", async () => {
    expect(await statusOf(jwt({ aud: `${part.address}/clients/socketio/hubs/CHAT` }))).toBe(200);
  });

  test("that the service signs is as good as the SDK's", async () => {
    const target = `${part.address}/api/hubs/chat/:generateToken?api-version=2024-12-01&userId=bob&minutesToExpire=5&clientType=socketio&role=a&role=b`;
    const response = await fetch(target, {
      method: "POST",
      headers: { authorization: `Bearer ${jwt({ aud: target })}` },
    });
    const { token } = (await response.json()) as { token: string };
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<
      string,
      unknown
    >;
    expect(claims).toMatchObject({ sub: "bob", role: ["a", "b"], aud: part.address + path });
    expect(Number(claims["exp"]) - Number(claims["iat"])).toBe(300);
    expect(claims["nbf"]).toBe(claims["iat"]);
    const socket = clients.open({ endpoint: part.address, path, token });
    await connected(socket);
    expect((await connectionOf(part, socket)).userId).toBe("bob");
  });

  test("does not let its user into groups, as nobody knows whether Azure does", async () => {
    const socket = clients.open(await negotiate(service, { userId: "alice", groups: ["0~Lw~cm0"] }));
    await connected(socket);
    expect((await connectionOf(part, socket)).groups).not.toContain("0~Lw~cm0");
  });
});

test("with --token-groups yes a token lets its user into groups", async () => {
  const other = await startPart({ "token-groups": "yes" });
  const socket = clients.open(await negotiate(serviceClient(other), { userId: "alice", groups: ["0~Lw~cm0"] }));
  await connected(socket);
  expect((await connectionOf(other, socket)).groups).toContain("0~Lw~cm0");
  clients.closeAll();
  await other.stop();
});

test("a hub that allows anonymous clients takes them without a user", async () => {
  const socket = clients.open({ endpoint: part.address, path: "/clients/socketio/hubs/open" });
  await connected(socket);
  expect((await connectionOf(part, socket)).userId).toBeNull();
  expect(await statusOf(undefined, "/clients/socketio/hubs/open")).toBe(200);
  expect(await statusOf("not-a-token", "/clients/socketio/hubs/open")).toBe(401);
});

test("a hub name with a hyphen is refused with 400", async () => {
  expect(await statusOf(jwt({}), "/clients/socketio/hubs/my-hub")).toBe(400);
  expect(await upgradeStatusOf(jwt({}), "/clients/socketio/hubs/my-hub")).toBe(400);
});

test("other kinds of clients, and old ones, are told that they are not served", async () => {
  for (const target of ["/client/hubs/chat", "/clients/mqtt/hubs/chat"]) {
    expect((await fetch(part.address + target)).status).toBe(501);
    expect(await upgradeStatusOf(jwt({}), target)).toBe(501);
  }
  expect((await fetch(`${part.address}/elsewhere`)).status).toBe(404);
  const eio3 = await fetch(`${part.address}${path}/?EIO=3&transport=polling&access_token=${jwt({})}`);
  expect([eio3.status, await eio3.json()]).toEqual([400, { code: 5, message: "Unsupported protocol version" }]);
});

test("a page of any origin can read why it was refused", async () => {
  const response = await fetch(`${part.address}${path}/?EIO=4&transport=polling`, {
    headers: { origin: "https://chat.example" },
  });
  expect(response.status).toBe(401);
  expect(response.headers.get("access-control-allow-origin")).toBe("https://chat.example");
  expect(await response.json()).toEqual({ code: "Unauthorized", message: expect.stringContaining("access_token") });
});

test("a port that is taken is reported in one line", async () => {
  const { port } = new URL(part.address);
  await expect(startPart({ port })).rejects.toThrow(`port ${port} is taken`);
});

test("settings that are wrong are reported, with the place", async () => {
  const settings = await settingsFile(folder, { hubs: { chat: { eventHandlers: [{ urlTemplate: "ftp://x" }] } } });
  await expect(startPart({ settings })).rejects.toThrow(/must start with http.*\n.*hubs\.chat\.eventHandlers\[0\]/s);
});

test("a secondary key alone is refused, with what to do", async () => {
  await expect(startPart({ "access-key": "" })).rejects.toThrow("--secondary-key goes with --access-key");
});
