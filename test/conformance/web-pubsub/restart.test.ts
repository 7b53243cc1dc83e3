import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket as NetSocket } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect } from "@jest/globals";
import {
  Clients,
  connected,
  connectionOf,
  negotiate,
  next,
  removeFolder,
  serviceClient,
  standInTest as test,
  startPart,
  temporaryFolder,
  text,
} from "./part-process.js";

const clients = new Clients();
afterEach(() => {
  clients.closeAll();
});

const ownKeys = { "access-key": "", "secondary-key": "" };

test.each<["stop" | "kill"]>([["stop"], ["kill"]])(
  "after %s a client comes back with the token it has",
  async (how) => {
    const data = await temporaryFolder();
    const before = await startPart({ ...ownKeys, data });
    const service = serviceClient(before);
    const socket = await clients.connect(service, "alice");
    const { id } = socket;
    await service.group("g").addUser("alice");
    const [gone, again] = [next(socket, "disconnect"), next(socket, "connect")];
    await before[how]();
    await gone;
    const after = await startPart({ ...ownKeys, data, port: new URL(before.address).port });
    expect(after.connectionString).toBe(before.connectionString);
    await again;
    expect(socket.id).not.toBe(id);
    expect((await connectionOf(after, socket)).groups).not.toContain("g");
    const heard = next(socket, "ev");
    await service.sendToUser("alice", '42["ev",1]', text);
    expect(await heard).toEqual([1]);
    clients.closeAll();
    await after.stop();
    await removeFolder(data);
  },
);

test("each data folder has keys of its own, which only their owner can read and no log has", async () => {
  const folders = [await temporaryFolder(), await temporaryFolder()];
  const parts = await Promise.all(folders.map((data) => startPart({ ...ownKeys, data })));
  const keys = parts.map(({ connectionString }) => /AccessKey=([^;]{40,});Version=1\.0;$/.exec(connectionString)?.[1]);
  expect(new Set(keys).size).toBe(2);
  for (const [i, folder] of folders.entries()) {
    expect((await stat(path.join(folder, "access-keys.json"))).mode & 0o077).toBe(0);
    expect(parts[i]?.log).toEqual([]);
    await parts[i]?.stop();
    await removeFolder(folder);
  }
});

test("keys that cannot be read stop the start, with what to do", async () => {
  const data = await temporaryFolder();
  await writeFile(path.join(data, "access-keys.json"), "{}");
  await expect(startPart({ ...ownKeys, data })).rejects.toThrow(/access-keys\.json .* Delete it/);
  await removeFolder(data);
});

/** A clock that moves the one process that asks it, and not this one. */
async function startClock(): Promise<{ address: string; moveTo(offsetMs: number): Promise<void>; stop(): void }> {
  const server = createServer();
  const joined = new Promise<NetSocket>((resolve) =>
    server.on("connection", (socket) => {
      socket.write('{"id":0,"offsetMs":0}\n');
      resolve(socket);
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  let moves = 0;
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async moveTo(offsetMs) {
      const socket = await joined;
      moves += 1;
      socket.write(`${JSON.stringify({ id: moves, offsetMs })}\n`);
      for (let received = ""; !received.includes(`"ack":${moves}`);) {
        const [chunk] = (await once(socket, "data")) as [Buffer];
        received += chunk.toString();
      }
    },
    stop() {
      void joined.then((socket) => socket.destroy());
      server.close();
    },
  };
}

test("a jump of a day expires tokens and leaves sockets alone; a new token leads back in", async () => {
  const clock = await startClock();
  const preload = pathToFileURL(path.resolve(import.meta.dirname, "../../../out/local/clock/preload.js")).href;
  const part = await startPart({}, { execArgv: [`--import=${preload}`], env: { LOCAL_CLOCK: clock.address } });
  const service = serviceClient(part);
  const sockets = [
    await clients.connect(service, "alice", { transports: ["websocket"] }),
    await clients.connect(service, "alice", { transports: ["polling"] }),
  ];
  const ids = sockets.map(({ id }) => id);

  await clock.moveTo(24 * 3_600_000);
  await expect(service.sendToAll('42["x"]', text)).rejects.toMatchObject({ statusCode: 401 });
  await expect(connected(clients.open(await negotiate(service), { reconnection: false }))).rejects.toThrow();
  await clock.moveTo(0);
  const heard = sockets.map((socket) => next(socket, "ev"));
  await service.sendToAll('42["ev"]', text);
  await Promise.all(heard);
  expect(sockets.map(({ id }) => id)).toEqual(ids);

  // The token is looked at when a connection begins: it has expired when this one is lost, and every attempt is refused …
  const [socket] = sockets;
  if (socket === undefined) throw new Error("no socket");
  await clock.moveTo(2 * 3_600_000);
  const refused = new Promise((resolve) => socket.io.once("reconnect_error", resolve));
  await fetch(`${part.address}/_local/drop`, { method: "POST", body: '{"all":true}' });
  await refused;
  // … until the client asks for a new one.
  const again = next(socket, "connect");
  const { token } = await negotiate(service, { userId: "alice", expirationTimeInMinutes: 180 });
  socket.io.opts.query = { access_token: token };
  await again;
  clients.closeAll();
  await part.stop();
  clock.stop();
});
