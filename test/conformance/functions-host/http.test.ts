import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { removeFolder, startHost, temporaryFolder, type Host } from "./host-process.js";

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly traceParent: string;
  readonly triggerMetadata: unknown;
}

let host: Host;
let data: string;

beforeAll(async () => {
  data = await temporaryFolder();
  host = await startHost(data);
});

afterAll(async () => {
  await host.end("SIGTERM");
  await removeFolder(data);
});

const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${host.address}${path}`, init);
const echo = async (path: string, init?: RequestInit): Promise<Echo> => (await (await get(path, init)).json()) as Echo;

interface Raw {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** A request as it is written: `fetch` would correct paths, headers and bodies. */
function raw(
  path: string,
  options: { method?: string; headers?: readonly string[]; chunks?: readonly string[] } = {},
): Promise<Raw> {
  const { hostname, port } = new URL(host.address);
  return new Promise((resolve, reject) => {
    const headers = ["host", "example.org", ...(options.headers ?? [])];
    const request = httpRequest({ hostname, port, path, method: options.method ?? "GET", headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    });
    request.on("error", reject);
    for (const chunk of options.chunks ?? []) request.write(chunk);
    request.end();
  });
}

const parsed = ({ body }: Raw): Echo => JSON.parse(body) as Echo;

describe("requests", () => {
  test("route values are decoded, but for %2F; the URL is escaped again", async () => {
    const { params, url } = parsed(await raw("/api/echo/a%2Fb%20%C3%A9%25/%22x%22"));
    expect(params).toEqual({ id: "a%2Fb é%", rest: '"x"' });
    expect(url).toBe("http://example.org/api/echo/a%2Fb%20%C3%A9%25/%22x%22");
  });

  test("an optional value that is absent has no key", async () => {
    expect((await echo("/api/echo/1")).params).toEqual({ id: "1" });
  });

  test("a catch-all takes the rest", async () => {
    expect((await echo("/api/all/a/b/c")).params).toEqual({ path: "a/b/c" });
    expect((await echo("/api/all")).params).toEqual({});
  });

  test("routes know no case, and a slash at the end changes nothing", async () => {
    expect((await echo("/API/Echo/X/")).params).toEqual({ id: "X" });
  });

  test("a constraint that is not met is no match", async () => {
    expect((await get("/api/guid/not-a-guid")).status).toBe(404);
    expect((await get("/api/guid/0f8fad5b-d9cb-469f-a165-70867728950e")).status).toBe(200);
  });

  test("dot segments are removed and a null character is refused", async () => {
    expect(parsed(await raw("/api/gone/../echo/7")).params).toEqual({ id: "7" });
    expect((await raw("/api/echo/%00")).status).toBe(400);
  });

  test("repeated query keys and headers are joined with a comma", async () => {
    const { query, headers } = parsed(
      await raw("/api/echo/1?x=1&x=2&plus=a+b%20c&empty=", { headers: ["x-many", "a", "X-Many", "b"] }),
    );
    expect(query).toEqual({ x: "1,2", plus: "a b c", empty: "" });
    expect(headers["x-many"]).toBe("a,b");
  });

  test("a body with a length arrives; that of a GET and a chunked one are dropped", async () => {
    expect((await echo("/api/echo/1", { method: "POST", body: "é" })).body).toBe("é");
    const chunked = await raw("/api/echo/1", {
      method: "POST",
      headers: ["transfer-encoding", "chunked"],
      chunks: ["a", "b"],
    });
    expect(parsed(chunked).body).toBe("");
    const withGet = await raw("/api/echo/1", { headers: ["content-length", "1"], chunks: ["a"] });
    expect(parsed(withGet).body).toBe("");
  });

  test("a body above the limit is refused before it is read", async () => {
    const { status } = await raw("/api/echo/1", {
      method: "POST",
      headers: ["content-length", "104857601", "expect", "100-continue"],
    }).catch((error: unknown) => ({ status: (error as NodeJS.ErrnoException).code }));
    expect([413, "ECONNRESET", "EPIPE"]).toContain(status);
  });

  test("the caller's trace goes on", async () => {
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const { traceParent } = await echo("/api/echo/1", { headers: { traceparent: trace } });
    expect(traceParent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(traceParent).not.toBe(trace);
  });

  test("a function without a route has its name for one, for GET and POST", async () => {
    expect((await get("/api/byName")).status).toBe(200);
    expect((await get("/api/byName", { method: "POST" })).status).toBe(200);
    expect((await get("/api/byName", { method: "PUT" })).status).toBe(404);
  });
});

describe("routing", () => {
  test("the first function by name wins, however special a later route is", async () => {
    expect(await (await get("/api/overlap/fixed")).text()).toBe("A");
  });

  test("a wrong method and an unknown path are an empty 404", async () => {
    for (const response of [
      await get("/api/throws", { method: "DELETE" }),
      await get("/api/none"),
      await get("/echo/1"),
    ]) {
      expect(response.status).toBe(404);
      expect(await response.text()).toBe("");
    }
  });

  test("a disabled function is not there", async () => {
    expect((await get("/api/off")).status).toBe(404);
  });
});

describe("responses", () => {
  test("a throw is an empty 500, and the error is in the log alone", async () => {
    const response = await get("/api/throws");
    expect([response.status, await response.text()]).toEqual([500, ""]);
    const [line] = await host.lines.waitFor((each) => each.function === "throws" && each.event === "executed");
    expect(line?.succeeded).toBe(false);
    expect(line?.message).toContain("secret of the handler");
  });

  test("what throws nothing has succeeded, as with the real worker", async () => {
    expect((await get("/api/throws-nothing")).status).toBe(204);
  });

  test("undefined is 204, an empty object 200, a text a failure", async () => {
    expect((await get("/api/nothing")).status).toBe(204);
    expect((await get("/api/empty")).status).toBe(200);
    expect((await get("/api/primitive")).status).toBe(500);
  });

  test("status, JSON and bytes go out as they are", async () => {
    const gone = await get("/api/gone");
    expect([gone.status, gone.headers.get("content-type")]).toEqual([410, "application/json"]);
    expect(await gone.json()).toEqual({ gone: true });
    const bytes = await get("/api/bytes");
    expect([...new Uint8Array(await bytes.arrayBuffer())]).toEqual([0, 255, 10]);
  });

  test("a stream is collected and sent whole", async () => {
    const response = await get("/api/stream");
    expect(response.headers.get("content-length")).toBe("7");
    expect(await response.text()).toBe("one,two");
  });

  test("HEAD has headers and no body", async () => {
    const { status, headers, body } = await raw("/api/echo/1", { method: "HEAD" });
    expect([status, body]).toEqual([200, ""]);
    expect(Number(headers["content-length"])).toBeGreaterThan(0);
  });

  test("of several set-cookie headers the last is left; cookies are all sent", async () => {
    const { headers } = await raw("/api/cookies");
    expect(headers["set-cookie"]).toEqual([
      "second=2",
      "plain=a%20b; path=/",
      "full=x; max-age=60; domain=example.org; path=/p; secure; samesite=none; httponly",
    ]);
  });
});

describe("keys", () => {
  const status = async (path: string, key?: string): Promise<number> =>
    (await get(path, key === undefined ? {} : { headers: { "x-functions-key": key } })).status;

  test("a function key opens what it is for", async () => {
    expect(await status("/api/key")).toBe(401);
    expect(await status("/api/key", "wrong")).toBe(401);
    for (const key of ["its-own-key", "the-host-key", "the-master-key"])
      expect(await status("/api/key", key)).toBe(200);
    expect(await status("/api/key?code=the-host-key")).toBe(200);
    // The key stays visible to the function.
    expect(((await (await get("/api/echo/1?code=x")).json()) as { query: unknown }).query).toEqual({ code: "x" });
    // The header comes first.
    expect(await status("/api/key?code=the-host-key", "wrong")).toBe(401);
  });

  test("the admin level takes the master key alone", async () => {
    expect(await status("/api/master", "the-host-key")).toBe(401);
    expect(await status("/api/master", "the-master-key")).toBe(200);
  });

  test("an own endpoint of the host takes the master key alone", async () => {
    expect(await status("/admin/host/ping")).toBe(200);
    expect(await status("/admin/host/status")).toBe(401);
    expect(await status("/admin/host/status", "the-host-key")).toBe(401);
    expect(await (await get("/admin/host/status?code=the-master-key")).json()).toMatchObject({ state: "Running" });
  });
});

describe("log and status", () => {
  test("a function's lines carry its invocation and their level", async () => {
    await get("/api/logs");
    const lines = await host.lines.waitFor((line) => line.category === "Function.logs.User", 3);
    expect(lines.map(({ level, message }) => [level, message])).toEqual([
      ["trace", "a trace line"],
      ["information", "an information line"],
      ["warning", "a warning line"],
    ]);
  });

  test("no line has a key, a query string or a body", async () => {
    await get("/api/echo/1?code=the-host-key&secret=sesame", { method: "POST", body: "open text" });
    await host.lines.waitFor((line) => line.function === "echo" && line.event === "executed");
    const all = JSON.stringify(host.lines.all);
    for (const secret of ["the-host-key", "sesame", "open text"]) expect(all).not.toContain(secret);
  });

  test("the status tells what runs", async () => {
    const slow = get("/api/slow/here");
    await host.lines.waitFor((line) => line.message === "waiting");
    expect(await (await get("/_local/status")).json()).toMatchObject({
      ready: true,
      running: 1,
      functions: expect.arrayContaining([
        { name: "forKey", type: "httpTrigger", disabled: false, methods: ["GET"], route: "key", authLevel: "function" },
        {
          name: "sessions",
          type: "serviceBusTrigger",
          disabled: false,
          queue: "talks",
          sessions: true,
          cardinality: "one",
        },
        expect.objectContaining({ name: "yearly", type: "timerTrigger", schedule: "0 0 0 1 1 *" }),
        expect.objectContaining({ name: "switchedOff", disabled: true }),
      ]) as unknown,
    });
    await get("/api/gates/here", { method: "POST" });
    expect(await (await slow).text()).toBe("done");
  });
});

test("who comes when as many requests are there as may be is refused with an empty 429; the host's own endpoints answer", async () => {
  const ownData = await temporaryFolder();
  const full = await startHost(ownData, { AzureFunctionsJobHost__extensions__http__maxOutstandingRequests: "1" });
  const waiting = fetch(`${full.address}/api/slow/for-ever`).catch(() => undefined);
  await full.lines.waitFor((line) => line.message === "waiting");
  const refused = await fetch(`${full.address}/api/echo/1`);
  expect([refused.status, await refused.text()]).toEqual([429, ""]);
  await full.lines.waitFor((line) => line.message === "Http request queue limit of 1 has been exceeded.");
  expect((await fetch(`${full.address}/_local/status`)).status).toBe(200);
  await full.end("SIGKILL");
  await waiting;
  await removeFolder(ownData);
});
