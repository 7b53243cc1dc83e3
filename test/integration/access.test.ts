import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { exportSPKI, generateKeyPair, importJWK, SignJWT, type JWK } from "jose";
import { newId, person, request, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let conversation: string;
let message: string;

beforeAll(async () => {
  stack = await startStack();
  const ana = await person(stack, "ana");
  ({ id: conversation } = await ana.start(["bo"]));
  ({ id: message } = await ana.send(conversation, "between us"));
  await stack.idle();
});
afterAll(() => stack.stop());

const routes = (): readonly (readonly [method: string, path: string, body?: unknown])[] => {
  const base = `v1/conversations/${conversation}`;
  return [
    ["GET", base],
    ["PUT", `${base}/members/mallory`],
    ["DELETE", `${base}/members/ana`],
    ["DELETE", `${base}/members/mallory`],
    ["GET", `${base}/messages`],
    ["POST", `${base}/messages`, { text: "let me in" }],
    ["GET", `${base}/messages/${message}`],
    ["GET", `${base}/messages/${message}/delivery`],
    ["GET", `${base}/changes`],
    ["POST", `${base}/receipts`, { readSeq: 1 }],
  ];
};

describe("who is not a member", () => {
  test("gets the same 404 on every route as for a conversation that does not exist", async () => {
    const token = await stack.token("mallory");
    for (const [method, path, body] of routes()) {
      const real = await request(stack, method, path, { token, body });
      const unreal = await request(stack, method, path.replace(conversation, newId()), { token, body });
      expect([method, path, real.status, real.body["code"]]).toEqual([method, path, 404, "conversation-unknown"]);
      expect({ ...real.body, traceId: "" }).toEqual({ ...unreal.body, traceId: "" });
    }
  });

  test("does not find it in a sync, and learns nothing from its id", async () => {
    const token = await stack.token("mallory");
    const { body } = await request(stack, "POST", "v1/sync", { token, body: { heads: { [conversation]: 0 } } });
    expect(body).toEqual({ items: [], left: [conversation], others: [] });
    const taken = await request(stack, "POST", "v1/conversations", {
      token,
      body: { id: conversation, members: ["bo"] },
    });
    expect(taken.status).toBe(409);
  });

  test("cannot join with an own socket, nor have another's socket joined, and hears nothing", async () => {
    const heard: unknown[] = [];
    const mallory = await person(stack, "mallory");
    await mallory.connect();
    mallory.socket?.onAny((...event: unknown[]) => heard.push(event));
    const watch = new Watch();
    const texts: string[] = [];
    const bo = await person(stack, "bo", {
      onChange: (_, change) => {
        texts.push(change.message?.text ?? "");
        watch.changed();
      },
    });
    await bo.connect();
    // Mallory asks for Bo's socket, Bo for Mallory's: a socket joins its own user's rooms only.
    const sockets = [mallory, bo].map((client) => client.socket?.id ?? "");
    expect(await mallory.api.join(sockets[1] ?? "")).toEqual({ conversations: [] });
    expect(await bo.api.join(sockets[0] ?? "")).toEqual({ conversations: [conversation] });
    const ana = await person(stack, "ana");
    await ana.send(conversation, "not for everyone");
    await watch.until(() => texts.includes("not for everyone"));
    // Both are on the same connection of the same service: what Bo has, Mallory would have.
    await mallory.sync();
    expect(heard).toEqual([]);
    for (const client of [mallory, bo]) client.close();
  });
});

/** Claims that are times are given in seconds from now. */
function relativeTo(now: number, given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, typeof value === "number" ? now + value : value]),
  );
}

describe("tokens", () => {
  const call = async (token: string | undefined, headers: Record<string, string> = {}): Promise<string> => {
    const {
      status,
      body,
      headers: answered,
    } = await request(stack, "GET", "v1/conversations", {
      ...(token === undefined ? {} : { token }),
      headers,
    });
    expect(answered.get("www-authenticate")?.startsWith("Bearer") ?? status !== 401).toBe(true);
    return `${String(status)} ${String(body["code"])}`;
  };
  const claims = () => ({ iss: stack.info.issuer, aud: "dayfly", sub: "ana" });

  test("none", async () => expect(await call(undefined)).toBe("401 token-missing"));

  test.each([["Basic YTpi"], ["Bearer"], ["Bearer a b"], ["Bearer not.a.token"]])("%j", async (authorization) => {
    expect(await call(undefined, { authorization })).toBe("401 token-invalid");
  });

  test("an expired one, and one that expires while the clock moves", async () => {
    const token = await stack.token("ana", [], { expiresIn: 600 });
    expect(await call(token)).toBe("200 undefined");
    await stack.advance("PT11M");
    expect(await call(token)).toBe("401 token-invalid");
  });

  test("for another audience", async () => {
    expect(await call(await stack.token("ana", [], { audience: "somebody-else" }))).toBe("401 token-invalid");
  });

  test("of another issuer, signed with a key of its own, under a known and an unknown kid", async () => {
    const { privateKey } = await generateKeyPair("RS256");
    const { keys } = (await (await fetch(`${stack.info.issuer}/jwks`)).json()) as { keys: JWK[] };
    for (const kid of [keys[0]?.kid ?? "", "unknown"]) {
      const token = await new SignJWT(claims())
        .setProtectedHeader({ alg: "RS256", kid })
        .setExpirationTime("1h")
        .sign(privateKey);
      expect(await call(token)).toBe("401 token-invalid");
    }
  });

  describe("signed with the issuer's own key", () => {
    const hour = 3_600;
    const signed = async (more: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> => {
      const jwk = JSON.parse(await readFile(path.join(stack.data, "issuer", "key.json"), "utf8")) as JWK;
      const { keys } = (await (await fetch(`${stack.info.issuer}/jwks`)).json()) as { keys: JWK[] };
      const { alg = "", kid = "" } = keys[0] ?? {};
      const now = Math.floor((await stack.now()) / 1_000);
      return new SignJWT({ ...claims(), exp: now + hour, ...relativeTo(now, more) })
        .setProtectedHeader({ alg, kid, ...header })
        .sign(await importJWK(jwk, alg));
    };

    test.each<[string, Record<string, unknown>, string]>([
      ["all is well", {}, "200 undefined"],
      ["another issuer", { iss: "https://issuer.example" }, "401 token-invalid"],
      ["no issuer", { iss: undefined }, "401 token-invalid"],
      ["another audience", { aud: ["a", "b"] }, "401 token-invalid"],
      ["no audience", { aud: undefined }, "401 token-invalid"],
      ["no expiry", { exp: undefined }, "401 token-invalid"],
      ["an expiry that has passed", { exp: -hour }, "401 token-invalid"],
      ["a begin that is to come", { nbf: hour }, "401 token-invalid"],
      ["no user", { sub: undefined }, "401 token-invalid"],
    ])("%s", async (_, more, expected) => {
      expect(await call(await signed(more))).toBe(expected);
    });

    test("under a kid that it does not have", async () => {
      expect(await call(await signed({}, { kid: "unknown" }))).toBe("401 token-invalid");
    });
  });

  test("alg none", async () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const exp = Math.floor(Date.now() / 1000) + 86_400;
    expect(await call(`${part({ alg: "none" })}.${part({ ...claims(), exp })}.`)).toBe("401 token-invalid");
  });

  test("HS256 with the public key as the secret", async () => {
    const { keys } = (await (await fetch(`${stack.info.issuer}/jwks`)).json()) as { keys: JWK[] };
    const [jwk] = keys;
    if (jwk === undefined) throw new Error("the issuer has no key");
    const publicKey = await importJWK(jwk, jwk.alg, { extractable: true });
    if (publicKey instanceof Uint8Array) throw new Error("the issuer's key is no public key");
    const secret = new TextEncoder().encode(await exportSPKI(publicKey));
    const token = await new SignJWT(claims())
      .setProtectedHeader({ alg: "HS256", ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
      .setExpirationTime("10h")
      .sign(secret);
    expect(await call(token)).toBe("401 token-invalid");
  });

  test("for a user who cannot be one", async () => {
    expect(await call(await stack.token("Zoë"))).toBe("401 token-invalid");
  });

  test("on every route", async () => {
    const all = [
      ...routes(),
      ["GET", "v1/conversations"],
      ["POST", "v1/conversations", { members: ["bo"] }],
      ["POST", "v1/sync", { heads: {} }],
      ["POST", "v1/realtime/negotiate"],
      ["POST", "v1/realtime/join", { socketId: "x" }],
    ] as const;
    for (const [method, path, body] of all) {
      const { status } = await request(stack, method, path, { body });
      expect([method, path, status]).toEqual([method, path, 401]);
    }
  });
});
