import { createHmac } from "node:crypto";
import { createConnection } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { WebPubSubServiceClient } from "@azure/web-pubsub";
import type { Socket } from "socket.io-client";
import {
  Clients,
  HUB,
  connectionIdOf,
  membersOf,
  drop,
  groupOf,
  next,
  serviceClient,
  standInTest,
  startTarget,
  text,
  until,
  type Part,
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

const API = "api-version=2024-12-01";
const nowS = (): number => Math.floor(Date.now() / 1000);

/** The first of the resource's two. */
const primaryKey = (): string => /AccessKey=([^;]*)/u.exec(part.connectionString)?.[1] ?? "";

function restToken(claims: object, key = primaryKey(), alg = "HS256"): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg, typ: "JWT" })}.${encode({ exp: nowS() + 60, ...claims })}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly body: unknown;
}

/** A call as no SDK would make it. */
async function call(method: string, target: string, init: RequestInit & { token?: string } = {}): Promise<Answer> {
  const url = part.address + target;
  const token = init.token ?? restToken({ aud: url });
  const response = await fetch(url, {
    ...init,
    method,
    headers: { ...(token === "" ? {} : { authorization: `Bearer ${token}` }), ...(init.headers as object) },
  });
  const body = await response.text();
  return {
    status: response.status,
    code: response.headers.get("x-ms-error-code"),
    body: body === "" ? undefined : (JSON.parse(body) as unknown),
  };
}

const plain = { headers: { "content-type": "text/plain" }, body: '42["x"]' };
const unauthorized = { status: 401, code: "Unauthorized" };

describe("a call's token", () => {
  const target = `/api/hubs/${HUB}/:send?${API}`;

  standInTest("may be signed with either key, and name the URL with or without its query", async () => {
    const aud = part.address + target;
    expect((await call("POST", target, { ...plain, token: restToken({ aud }, "secondary-key") })).status).toBe(202);
    const bare = restToken({ aud: `${part.address}/api/hubs/${HUB}/:send` });
    expect((await call("POST", target, { ...plain, token: bare })).status).toBe(202);
    const within = restToken({ aud, exp: nowS() - 200 });
    expect((await call("POST", target, { ...plain, token: within })).status).toBe(202);
  });

  test.each<[string, (aud: string) => string]>([
    ["missing", () => ""],
    ["none", () => "x.y.z"],
    ["signed with another key", (aud) => restToken({ aud }, "another key")],
    ["of another algorithm", (aud) => restToken({ aud }, primaryKey(), "HS384")],
    ["expired", (aud) => restToken({ aud, exp: nowS() - 301 })],
    ["without expiry", (aud) => restToken({ aud, exp: undefined })],
    ["not valid yet", (aud) => restToken({ aud, nbf: nowS() + 400 })],
    ["for another path", (aud) => restToken({ aud: aud.replace(`/${HUB}/`, "/other/") })],
    ["for another query", (aud) => restToken({ aud: `${aud}&filter=` })],
    ["for another host", (aud) => restToken({ aud: aud.replace(new URL(aud).host, "chat.example") })],
    ["a client's", () => restToken({ aud: `${part.address}/clients/socketio/hubs/${HUB}` })],
  ])("that is %s is refused with 401", async (_, token) => {
    const answer = await call("POST", target, { ...plain, token: token(part.address + target) });
    expect(answer).toMatchObject(unauthorized);
    expect(answer.body).toEqual({ code: "Unauthorized", message: expect.stringMatching(/token/) });
  });

  test("is asked for before anything else is said", async () => {
    expect(await call("POST", "/api/hubs/my-hub/:nothing", { token: "" })).toMatchObject(unauthorized);
  });
});

test("the SDK's wrong key, wrong hub and wrong address become errors with status and code", async () => {
  const wrongKey = serviceClient(part, HUB, part.connectionString.replace(primaryKey(), "wrong-key"));
  await expect(wrongKey.sendToAll('42["x"]', text)).rejects.toMatchObject({ statusCode: 401, code: "Unauthorized" });
  const wrongHub = serviceClient(part, "my-hub");
  await expect(wrongHub.sendToAll('42["x"]', text)).rejects.toMatchObject({
    statusCode: 400,
    code: "BadRequest",
    message: expect.stringContaining("Invalid hub name."),
  });
});

test.each([
  ["POST", `/api/hubs/${HUB}/:send?${API}&messageTtlSeconds=301`, plain, 400],
  ["POST", `/api/hubs/${HUB}/:send?${API}&messageTtlSeconds=x`, plain, 400],
  ["POST", `/api/hubs/${HUB}/:send?${API}&messageTtlSeconds=300`, plain, 202],
  ["POST", `/api/hubs/${HUB}/:send`, plain, 400],
  ["POST", `/api/hubs/${HUB}/:send?${API}`, { body: "<x/>", headers: { "content-type": "text/xml" } }, 415],
  ["POST", `/api/hubs/${HUB}/:send?${API}`, { body: "{", headers: { "content-type": "application/json" } }, 400],
  [
    "POST",
    `/api/hubs/${HUB}/:send?${API}`,
    { ...plain, headers: { "content-type": "text/plain; charset=utf-8" } },
    202,
  ],
  ["GET", `/api/hubs/${HUB}/:send?${API}`, {}, 405],
  ["POST", `/api/hubs/${HUB}/:other?${API}`, {}, 404],
  ["POST", `/api/hubs/${HUB}/connections/x/:invoke?${API}`, {}, 501],
  ["PUT", `/api/hubs/${HUB}/users/%E0%A4%A/groups/g?${API}`, {}, 400],
  ["POST", `/api/hubs/${HUB}/groups/${"g".repeat(1025)}/:send?${API}`, plain, 400],
  ["POST", `/api/hubs/${HUB}/groups/%20/:send?${API}`, plain, 400],
  ["PUT", `/api/hubs/${HUB}/permissions/other/connections/x?${API}`, {}, 404],
  ["POST", `/api/hubs/${HUB}/:generateToken?${API}&clientType=mqtt`, {}, 501],
  ["POST", `/api/hubs/${HUB}/:generateToken?${API}&clientType=x`, {}, 400],
  ["POST", `/api/hubs/${HUB}/:generateToken?${API}&minutesToExpire=0`, {}, 400],
  ["GET", `/api/hubs/${HUB}/groups/g/connections?${API}&maxpagesize=201`, {}, 400],
  ["GET", `/api/hubs/${HUB}/groups/g/connections?${API}&top=0`, {}, 400],
  ["GET", `/api/hubs/${HUB}/groups/g/connections?${API}&continuationToken=x`, {}, 400],
  ["GET", `/api/health`, {}, 200],
])("%s %s is answered as the service does", async (method, target, init, status) => {
  const answer = await call(method, target, init);
  expect(answer.status).toBe(status);
  if (status >= 400) {
    const { code, message } = answer.body as { code: string; message: string };
    expect(code).toBe(answer.code);
    expect(message).not.toBe("");
  }
});

test("a chunked body, which does not say its length, is refused with 400", async () => {
  const target = `/api/hubs/${HUB}/:send?${API}`;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('42["x"]'));
      controller.close();
    },
  });
  const init = { headers: plain.headers, body, duplex: "half" } as RequestInit;
  expect(await call("POST", target, init)).toMatchObject({ status: 400 });
});

standInTest("a body that never ends up whole breaks nothing", async () => {
  const { hostname, port } = new URL(part.address);
  const target = `/api/hubs/${HUB}/:send?${API}`;
  const socket = createConnection({ host: hostname, port: Number(port) });
  const token = restToken({ aud: part.address + target });
  socket.write(
    `POST ${target} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${token}\r\n` +
      'Content-Type: text/plain\r\nContent-Length: 100\r\n\r\n42["x"',
    () => socket.destroy(),
  );
  await new Promise((resolve) => socket.once("close", resolve));
  await service.sendToAll('42["x"]', text);
});

describe("a filter", () => {
  test.each([
    "userId eq",
    "userId eq 'a",
    "userId eq 'a' and",
    "userId",
    "userId eq 'a' or userId",
    "true or userId",
    "not userId eq 'a'",
    "nobody eq 'a'",
    "length(userId) gt 'a'",
    "substringof('a', userId)",
    "'a' in userId",
    "groups/any(g: g eq 'a')",
    "userId eq 'a') or (true",
    Array.from({ length: 101 }, () => "userId eq 'a'").join(" or "),
    `${"(".repeat(200)}true${")".repeat(200)}`,
  ])("like %.40s is refused with 400, though nobody is connected", async (filter) => {
    const expected = { statusCode: 400, message: expect.stringContaining("(Parameter 'filter')") };
    const hub = serviceClient(part, "empty");
    await expect(hub.sendToAll('42["x"]', { filter, ...text })).rejects.toMatchObject(expected);
    await expect(hub.group("g").sendToAll('42["x"]', { filter, ...text })).rejects.toMatchObject(expected);
    await expect(hub.sendToUser("u", '42["x"]', { filter, ...text })).rejects.toMatchObject(expected);
    await expect(hub.addConnectionsToGroups(["g"], filter)).rejects.toMatchObject(expected);
    await expect(hub.removeConnectionsFromGroups(["g"], filter)).rejects.toMatchObject(expected);
  });

  test("of a hundred clauses is accepted", async () => {
    const filter = Array.from({ length: 100 }, (_, i) => `userId eq 'u${i}'`).join(" or ");
    await service.sendToAll('42["x"]', { filter, ...text });
  });
});

/** Which of the rooms a socket is in. */
async function roomsOf(socket: Socket, ...rooms: string[]): Promise<string[]> {
  const id = await connectionIdOf(service, socket);
  const members = await Promise.all(rooms.map((room) => membersOf(service, groupOf(room))));
  return rooms.filter((_, n) => members[n]?.includes(id));
}

describe("groups", () => {
  test("take a socket by its id, only if it is the user's", async () => {
    const socket = await clients.connect(service, "o'brien");
    const own = `'${groupOf(socket.id)}' in groups`;
    await service.addConnectionsToGroups([groupOf("a"), groupOf("b")], `userId eq 'mallory' and ${own}`);
    expect(await service.groupExists(groupOf("a"))).toBe(false);
    await service.addConnectionsToGroups([groupOf("a"), groupOf("b")], `userId eq 'o''brien' and ${own}`);
    expect(await roomsOf(socket, "a", "b")).toEqual(["a", "b"]);
    await service.removeConnectionsFromGroups([groupOf("a"), groupOf("z")], own);
    expect(await roomsOf(socket, "a", "b", "z")).toEqual(["b"]);
  });

  test.each([[{ groups: [], filter: "" }], [{ groups: [" "] }], [{ groups: "g" }], [{ filter: "true" }], [[]], [null]])(
    "cannot be changed by %j",
    async (body) => {
      const init = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      for (const operation of [":addToGroups", ":removeFromGroups"]) {
        expect(await call("POST", `/api/hubs/${HUB}/${operation}?${API}`, init)).toMatchObject({ status: 400 });
      }
    },
  );

  test("take and lose connections and users one by one, or altogether", async () => {
    const [a, b] = [await clients.connect(service, "alice"), await clients.connect(service, "alice")];
    const ids = [await connectionIdOf(service, a), await connectionIdOf(service, b)];
    const [connectionId = ""] = ids;
    const rooms = async (): Promise<string[][]> => {
      const names = ["g1", "g2", "g3"];
      const members = await Promise.all(names.map((name) => membersOf(service, name)));
      return ids.map((id) => names.filter((_, n) => members[n]?.includes(id)));
    };

    await service.group("g1").addConnection(connectionId);
    await service.group("g2").addUser("alice");
    expect(await rooms()).toEqual([["g1", "g2"], ["g2"]]);
    await service.group("g1").removeConnection(connectionId);
    expect(await rooms()).toEqual([["g2"], ["g2"]]);
    await service.group("g2").removeUser("alice");
    expect(await rooms()).toEqual([[], []]);
    await service.group("g3").addUser("alice");
    await service.removeConnectionFromAllGroups(connectionId);
    // Of the namespace's own group too.
    expect([await rooms(), await membersOf(service, groupOf())]).toEqual([[[], ["g3"]], [ids[1]]]);
    await service.removeUserFromAllGroups("alice");
    expect([await rooms(), await membersOf(service, groupOf())]).toEqual([[[], []], []]);
  });

  test("know nobody who is not there: 404 to join, 204 to leave", async () => {
    await expect(service.group("g").addConnection("nobody")).rejects.toMatchObject({
      statusCode: 404,
      code: "NotFound",
    });
    await expect(service.group("g").addUser("nobody")).rejects.toMatchObject({ statusCode: 404, code: "NotFound" });
    await service.group("g").removeConnection("nobody");
    await service.group("g").removeUser("nobody");
    await service.removeUserFromAllGroups("nobody");
    await service.removeConnectionFromAllGroups("nobody");
    await service.closeConnection("nobody");
  });

  test("list their members in pages, each once", async () => {
    const sockets = await Promise.all(Array.from({ length: 7 }, (_, i) => clients.connect(service, `u${i}`)));
    await service.addConnectionsToGroups(["all"], "startswith(userId, 'u')");
    const pages: (string | undefined)[][] = [];
    for await (const page of (await service.group("all").listConnections({ maxPageSize: 3 })).byPage()) {
      pages.push(page.map(({ userId }) => userId));
    }
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(pages.flat().sort()).toEqual(["u0", "u1", "u2", "u3", "u4", "u5", "u6"]);
    const top: string[] = [];
    for await (const { connectionId } of await service.group("all").listConnections({ maxPageSize: 2, top: 5 }))
      top.push(connectionId);
    const ids = await Promise.all(sockets.map((socket) => connectionIdOf(service, socket)));
    expect(top).toEqual(ids.sort().slice(0, 5));
    const none = [];
    for await (const each of await service.group("nobody").listConnections()) none.push(each);
    expect(none).toEqual([]);
  });
});

test("connections, users and groups exist while somebody is there", async () => {
  const socket = await clients.connect(service, "a/b c#'d");
  const connectionId = await connectionIdOf(service, socket);
  expect(await service.connectionExists(connectionId)).toBe(true);
  expect(await service.userExists("a/b c#'d")).toBe(true);
  expect(await service.groupExists(groupOf(socket.id))).toBe(true);
  const gone = next(socket, "disconnect");
  await service.closeUserConnections("a/b c#'d");
  await gone;
  expect(await service.connectionExists(connectionId)).toBe(false);
  expect(await service.userExists("a/b c#'d")).toBe(false);
});

test("connections are closed by hub, group and user, except the excluded ones", async () => {
  const stay = { reconnection: false };
  const [a, b, c] = [
    await clients.connect(service, "u", stay),
    await clients.connect(service, "u", stay),
    await clients.connect(service, "v", stay),
  ];
  const idOf = (socket: typeof a): Promise<string> => connectionIdOf(service, socket);
  const excluded = [await idOf(b), await idOf(c)];
  await service.group("g").addConnection(await idOf(b));

  const [goneA, goneB, goneC] = [next(a, "disconnect"), next(b, "disconnect"), next(c, "disconnect")];
  // The SDK's types do not have `excluded` for closing.
  const query = [API, ...excluded.map((id) => `excluded=${id}`)].join("&");
  const closed = await call("POST", `/api/hubs/${HUB}/users/u/:closeConnections?${query}`);
  expect(closed.status).toBe(204);
  expect((await goneA)[0]).toBe("transport close");
  await service.group("g").closeAllConnections();
  expect((await goneB)[0]).toBe("transport close");
  expect(c.connected).toBe(true);
  await service.closeAllConnections({ reason: "ServiceReload" });
  expect((await goneC)[0]).toBe("transport close");
  expect(await membersOf(service, groupOf())).toEqual([]);
});

test("permissions are kept for a connection, for all groups or for one", async () => {
  const socket = await clients.connect(service, "alice");
  const connectionId = await connectionIdOf(service, socket);
  const has = (targetName?: string): Promise<boolean> =>
    service.hasPermission(connectionId, "sendToGroup", targetName === undefined ? {} : { targetName });
  expect(await has()).toBe(false);
  await service.grantPermission(connectionId, "sendToGroup", { targetName: "g" });
  expect([await has(), await has("g"), await has("h")]).toEqual([false, true, false]);
  await service.grantPermission(connectionId, "sendToGroup");
  expect([await has(), await has("h")]).toEqual([true, true]);
  await service.revokePermission(connectionId, "sendToGroup");
  expect([await has(), await has("g"), await has("h")]).toEqual([false, true, false]);
  await expect(service.grantPermission("nobody", "joinLeaveGroup")).rejects.toMatchObject({ statusCode: 404 });
});

describe("the local door", () => {
  standInTest("shows hubs, groups and connections", async () => {
    const socket = await clients.connect(serviceClient(part, "door"), "alice", { transports: ["websocket"] });
    const status = (await (await fetch(`${part.address}/_local/status`)).json()) as { hubs: { name: string }[] };
    expect(status.hubs.find(({ name }) => name === "door")).toEqual({
      name: "door",
      connections: 1,
      groups: { [groupOf()]: 1, [groupOf(socket.id)]: 1 },
    });
  });

  standInTest.each([["polling"], ["websocket"]])("cuts a connection over %s as a network does", async (transport) => {
    const userId = `victim of ${transport}`;
    const socket = await clients.connect(service, userId, { transports: [transport] });
    const [reason, again] = [next(socket, "disconnect"), next(socket, "connect")];
    expect(await drop(part, { userId })).toBe(1);
    expect((await reason)[0]).toMatch(/^transport (close|error)$/);
    await again;
  });

  standInTest("loses messages and refuses calls when it is asked to", async () => {
    const socket = await clients.connect(service, "alice");
    const heard = until(socket, "end");
    const faults = { lose: { times: 1 }, refuse: { times: 1, status: 429, retryAfterSeconds: 7 } };
    await fetch(`${part.address}/_local/faults`, { method: "POST", body: JSON.stringify(faults) });
    const refused = await call("POST", `/api/hubs/${HUB}/:send?${API}`, plain);
    expect(refused).toMatchObject({ status: 429, code: "Fault" });
    await service.sendToAll('42["lost"]', text);
    await service.sendToAll('42["kept"]', text);
    await service.sendToAll('42["end"]', text);
    expect(await heard).toEqual([["kept"]]);
  });

  standInTest.each([
    ["a page from elsewhere", { origin: "https://chat.example" }],
    ["a page of no origin", { origin: "null" }],
  ])("is closed to %s", async (_, headers) => {
    expect((await fetch(`${part.address}/_local/connections`, { headers })).status).toBe(403);
  });

  standInTest("is closed to who calls this machine by another name", async () => {
    const { hostname, port } = new URL(part.address);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = createConnection({ host: hostname, port: Number(port) }, () => {
        socket.write("GET /_local/connections HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n");
      });
      let received = "";
      socket.on("data", (data) => (received += data.toString()));
      socket.on("end", () => resolve(received));
      socket.on("error", reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  standInTest.each(["{}", "not json", '{"userId":1}'])("does not take %s", async (body) => {
    expect((await fetch(`${part.address}/_local/drop`, { method: "POST", body })).status).toBe(400);
  });
});
