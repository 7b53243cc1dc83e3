/** The client against a server that the test plays: what it does about tokens, gaps, uploads and views. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { EventEmitter, once } from "node:events";
import type { Socket } from "socket.io-client";
import { ChatClient, type ChatListener } from "../../../client/chat-client.js";

const C = "0192f0c1-2345-7abc-8def-000000000001";
const BASE = "http://functions.invalid";
const STORAGE = "http://storage.invalid/staged?sig=s";

type Handler = (request: { readonly body: unknown; readonly bearer: string; readonly init: RequestInit }) => unknown;

/** Answers by `METHOD path`; `calls` has what was asked, and an event for each. */
class Server extends EventEmitter {
  readonly calls: string[] = [];
  readonly routes = new Map<string, Handler>([
    [
      "POST realtime/negotiate",
      ({ bearer }) => ({ endpoint: BASE, path: "/p", token: `socket-${bearer}`, expiresAt: "" }),
    ],
    ["POST realtime/join", () => ({ conversations: [C] })],
    ["POST sync", () => ({ items: [], left: [], others: [] })],
  ]);

  readonly fetch = async (input: Parameters<typeof fetch>[0], init: RequestInit = {}): Promise<Response> => {
    const address = new Request(input).url;
    const name = `${init.method ?? "GET"} ${address.startsWith(BASE) ? address.slice(`${BASE}/api/v1/`.length) : "storage"}`;
    this.calls.push(name);
    const bearer = new Headers(init.headers).get("authorization")?.slice("Bearer ".length) ?? "";
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : init.body;
    const answer = await this.routes.get(name)?.({ body, bearer, init });
    this.emit(name);
    if (answer instanceof Response) return answer;
    if (answer === undefined) return Response.json({ code: "nothing-there" }, { status: 404 });
    return Response.json(answer);
  };
}

class FakeSocket extends EventEmitter {
  id = "socket-1";
  connects = 0;
  readonly io = Object.assign(new EventEmitter(), { opts: { query: {} } });
  connect(): void {
    this.connects++;
    this.emit("connect");
    this.emit("connecting");
  }
  disconnect(): void {
    this.emit("disconnect", "io client disconnect");
  }
}

const open = new Set<ChatClient>();
afterEach(() => {
  for (const client of open) client.close();
  open.clear();
});

function world(listener: ChatListener = {}) {
  const server = new Server();
  const socket = new FakeSocket();
  const tokens: (string | undefined)[] = [];
  let ids = 0;
  let given = 0;
  const client = new ChatClient(
    {
      baseUrl: BASE,
      token: (why) => {
        tokens.push(why);
        if (why === "rejected") given++;
        return Promise.resolve(`t${given}`);
      },
      io: () => socket as unknown as Socket,
      newId: () => `id-${++ids}`,
      fetch: server.fetch,
    },
    listener,
  );
  open.add(client);
  const connected = async (): Promise<void> => {
    const asked = once(server, "POST realtime/negotiate");
    const connecting = client.connect();
    await asked;
    // `connect` has heard the answer when it listens.
    while (socket.listenerCount("connect") === 0) await new Promise(setImmediate);
    socket.emit("connect");
    await connecting;
  };
  return { server, socket, client, tokens, connected };
}

describe("tokens", () => {
  test("one that is refused is asked for anew, once", async () => {
    const { server, client, tokens } = world();
    const bearers: string[] = [];
    server.routes.set(`GET conversations/${C}`, ({ bearer }) => {
      bearers.push(bearer);
      return bearer === "t0" ? new Response(null, { status: 401 }) : { id: C };
    });
    expect(await client.api.conversation(C)).toEqual({ id: C });
    expect(bearers).toEqual(["t0", "t1"]);
    expect(tokens).toEqual([undefined, "rejected"]);
  });

  test("a socket that cannot come back gets a new one before its next try", async () => {
    const { server, socket, connected } = world();
    await connected();
    const renewed = once(server, "POST realtime/negotiate");
    socket.io.emit("reconnect_error", new Error("401"));
    await renewed;
    while ((socket.io.opts.query as { access_token?: string }).access_token === undefined) {
      await new Promise(setImmediate);
    }
    expect(socket.io.opts.query).toEqual({ access_token: "socket-t0" });
  });

  test("cut off by the server, it comes back with a new one: Socket.IO would not", async () => {
    const { server, socket, connected } = world();
    await connected();
    const [joined, reconnected] = [once(server, "POST realtime/join"), once(socket, "connecting")];
    socket.emit("disconnect", "io server disconnect");
    await reconnected;
    await joined;
    expect(socket.io.opts.query).toEqual({ access_token: "socket-t0" });
    expect(socket.connects).toBe(1);
  });
});

test("after each connection it joins, then asks what it missed; a gap is filled from the log", async () => {
  const seen: (number | undefined)[] = [];
  const caughtUp = new EventEmitter();
  const { server, socket, client, connected } = world({
    onChange: (_, { seq }) => {
      seen.push(seq);
      if (seq === 3) caughtUp.emit("third");
    },
  });
  await connected();
  expect(server.calls).toEqual(["POST realtime/negotiate", "POST realtime/join", "POST sync"]);
  const event = (seq: number) => ({ seq, type: "message.expired", messageId: `m${seq}`, conversationId: C, at: "" });
  const changes = { items: [event(2), event(3)], headSeq: 3, hasMore: false };
  server.routes.set(`GET conversations/${C}/changes?after=1`, () => changes);
  const third = once(caughtUp, "third");
  socket.emit("message.expired", event(1));
  socket.emit("message.expired", event(3));
  await third;
  expect(seen).toEqual([1, 2, 3]);
  expect(client.conversations).toEqual([C]);
});

describe("a file", () => {
  const FILE = { name: "a.txt", contentType: "text/plain", bytes: new Uint8Array(300_000) };
  const upload = { method: "PUT", url: STORAGE, headers: { "x-ms-blob-type": "BlockBlob" }, expiresAt: "" };

  function uploading() {
    const it = world();
    it.server.routes.set(`POST conversations/${C}/files`, () => ({ id: "f", upload }));
    it.server.routes.set(`POST conversations/${C}/files/f/complete`, () => ({ id: "f" }));
    return it;
  }

  test("goes with its length and tells how far it is; what passes is tried again from the start", async () => {
    const { server, client } = uploading();
    const progress: number[] = [];
    let tries = 0;
    server.routes.set("PUT storage", async ({ init }) => {
      expect(new Headers(init.headers).get("content-length")).toBe("300000");
      expect((await new Response(init.body).arrayBuffer()).byteLength).toBe(300_000);
      return new Response(null, { status: ++tries === 1 ? 503 : 201 });
    });
    const sent = await client.sendFile(C, FILE, { onProgress: (bytes, total) => progress.push(bytes / total) });
    expect(sent).toEqual({ id: "f" });
    expect(progress.filter((part) => part === 0)).toHaveLength(2);
    expect(progress.at(-1)).toBe(1);
    expect(progress.filter((part) => part === 1)).toHaveLength(2);
  });

  test("that is aborted on its way is not tried again, nor completed", async () => {
    const { server, client } = uploading();
    const abort = new AbortController();
    server.routes.set("PUT storage", ({ init }) => {
      queueMicrotask(() => abort.abort(new Error("enough")));
      return new Promise((_, reject) => {
        init.signal?.addEventListener("abort", () => reject(abort.signal.reason as Error));
      });
    });
    await expect(client.sendFile(C, FILE, { signal: abort.signal })).rejects.toThrow("enough");
    expect(server.calls).toEqual([`POST conversations/${C}/files`, "PUT storage"]);
  });

  test("that is aborted while it waits to be tried again stops waiting", async () => {
    const { server, client } = uploading();
    const abort = new AbortController();
    server.routes.set("PUT storage", () => {
      setImmediate(() => abort.abort(new Error("enough")));
      return new Response(null, { status: 503, headers: { "retry-after": "3600" } });
    });
    await expect(client.sendFile(C, FILE, { signal: abort.signal })).rejects.toThrow("enough");
  });
});

describe("a view", () => {
  const VIEWS = `POST conversations/${C}/files/f/views`;

  /** Opened on a connected socket, with a heart that beats every ten milliseconds. */
  async function viewing(beat: Handler) {
    const it = world();
    await it.connected();
    const lease = { url: "u0", urlExpiresAt: "", leaseExpiresAt: "l0" };
    const asked: unknown[] = [];
    it.server.routes.set(VIEWS, ({ body }) => {
      asked.push(body);
      return { id: "v", ...lease, closeToken: "secret", heartbeatSeconds: 0.01 };
    });
    it.server.routes.set(`${VIEWS}/v/heartbeat`, beat);
    it.server.routes.set(`${VIEWS}/v/close`, ({ body }) => {
      asked.push(body);
      return { state: "closed" };
    });
    const view = await it.client.openFile(C, "f");
    return { ...it, view, asked };
  }

  test("beats by itself with its socket, hands on fresh URLs, and says when it is closed", async () => {
    const beats: unknown[] = [];
    const { view, asked } = await viewing(({ body }) => {
      beats.push(body);
      return { url: `u${beats.length}`, urlExpiresAt: "", leaseExpiresAt: `l${beats.length}` };
    });
    const url = await new Promise((resolve) => (view.onUrl = resolve));
    expect(url).toMatch(/^u[1-9]/);
    expect(view.url).toBe(url);
    expect(view.leaseExpiresAt).not.toBe("l0");
    expect(beats[0]).toEqual({ socketId: "socket-1" });
    expect(await view.close()).toEqual({ state: "closed" });
    expect(asked).toEqual([{ socketId: "socket-1" }, { reason: "closed" }]);
  });

  test("whose lease is lost says so once, and beats no more", async () => {
    const { view, server } = await viewing(() => Response.json({ code: "view-closed" }, { status: 410 }));
    await new Promise<void>((resolve) => (view.onEnd = resolve));
    const before = server.calls.length;
    await view.beat();
    expect(server.calls).toHaveLength(before);
  });

  test("has what a beacon needs: text that closes it without a bearer token", async () => {
    const { view } = await viewing(() => ({ url: "u", urlExpiresAt: "", leaseExpiresAt: "l" }));
    expect(view.beacon).toEqual({
      url: `${BASE}/api/v1/conversations/${C}/files/f/views/v/close`,
      body: JSON.stringify({ closeToken: "secret", reason: "navigated" }),
    });
  });
});
