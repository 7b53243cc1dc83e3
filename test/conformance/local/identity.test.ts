/**
 * What stands for Entra ID: the endpoint that gives an app its tokens (learn.microsoft.com, overview-managed-identity), asked by the
 * real SDK, and the doors with TLS at which the stand-ins take them.
 */
import { DefaultAzureCredential } from "@azure/identity";
import { WebPubSubServiceClient } from "@azure/web-pubsub";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { SignJWT } from "jose";
import rhea, { type Connection } from "rhea";
import { makeCertificates, type CertificateFiles } from "../../../local/identity/certificates.js";
import { startIdentityEndpoint, type IdentityEndpoint } from "../../../local/identity/endpoint.js";
import { ALGORITHM, loadSigningKey } from "../../../local/issuer/keys.js";
import { openSender, putToken } from "../service-bus/raw-client.js";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const CLIENT_ID = "11111111-2222-4333-8444-555555555555";
const SERVICE_BUS = "https://servicebus.azure.net";
const WEB_PUBSUB = "https://webpubsub.azure.com";

let folder: string;
let endpoint: IdentityEndpoint;
let files: CertificateFiles;
let ca: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "identity-"));
  files = await makeCertificates(path.join(folder, "certificates"));
  ca = await readFile(files.authority, "utf8");
  endpoint = await startIdentityEndpoint({ port: 0, dataFolder: path.join(folder, "keys"), clientId: CLIENT_ID });
  Object.assign(process.env, endpoint.settings);
});
afterAll(async () => {
  delete process.env["IDENTITY_ENDPOINT"];
  delete process.env["IDENTITY_HEADER"];
  await endpoint.stop();
  await rm(folder, { recursive: true, force: true });
});

/** As `DefaultAzureCredential` of a function app gets it. */
async function tokenFor(service: string): Promise<string> {
  const credential = new DefaultAzureCredential({ managedIdentityClientId: CLIENT_ID });
  return (await credential.getToken(`${service}/.default`)).token;
}

/** A token that is wrong in one respect, or in none. */
async function forged(claims: { aud: string; exp?: number; nbf?: number }, keys = "keys"): Promise<string> {
  const { privateKey, kid } = await loadSigningKey(path.join(folder, keys));
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ iss: "https://sts.windows.net/any/", nbf: now, iat: now, exp: now + 3_600, ...claims })
    .setProtectedHeader({ alg: ALGORITHM, kid })
    .sign(privateKey);
}

/** Each is refused, and says why. */
const WRONG: readonly [string, (audience: string) => Promise<string>][] = [
  ["is for another service", () => forged({ aud: "https://storage.azure.com" })],
  ["is over", (aud) => forged({ aud, exp: Math.floor(Date.now() / 1_000) - 600 })],
  ["does not hold yet", (aud) => forged({ aud, nbf: Math.floor(Date.now() / 1_000) + 600 })],
  ["somebody else has signed", (aud) => forged({ aud }, "others")],
  ["is none", () => Promise.resolve("eyJhbGciOiJub25lIn0.e30.")],
];

describe("the identity endpoint", () => {
  test("gives the app a token for the service that it names", async () => {
    const [, payload = ""] = (await tokenFor(SERVICE_BUS)).split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
    expect(claims).toMatchObject({ aud: SERVICE_BUS, appid: CLIENT_ID });
    expect(String(claims["iss"])).toMatch(/^https:\/\/sts\.windows\.net\/[0-9a-f-]+\/$/u);
  });

  test.each([
    ["without the header", {}, "", 401],
    ["with another header", { "x-identity-header": "guessed" }, "", 401],
    ["for another identity", undefined, "someone-else", 400],
    ["for the identity of the system, which the app does not have", undefined, undefined, 400],
  ])("gives nothing %s", async (_, headers, clientId, status) => {
    const { IDENTITY_ENDPOINT: url = "", IDENTITY_HEADER: header = "" } = endpoint.settings;
    const query = new URLSearchParams({ "api-version": "2019-08-01", resource: SERVICE_BUS });
    if (clientId !== undefined) query.set("client_id", clientId === "" ? CLIENT_ID : clientId);
    const response = await fetch(`${url}?${query.toString()}`, { headers: headers ?? { "x-identity-header": header } });
    expect(response.status).toBe(status);
    expect(await response.json()).not.toHaveProperty("access_token");
  });
});

/** A part with one more port, over TLS. */
async function startPart(name: string, options: readonly string[]): Promise<{ child: ChildProcess; said: Announced }> {
  const door = [
    "--tls-port",
    "0",
    "--tls-cert",
    files.certificate,
    "--tls-key",
    files.key,
    "--token-keys",
    endpoint.keys,
  ];
  const data = ["--port", "0", "--data", path.join(folder, name), ...options, ...door];
  const child = spawn(process.execPath, [path.join(ROOT, "out/local/cli.js"), name, ...data], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  if (child.stdout === null) throw new Error("The part has no output.");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, said: JSON.parse(line) as Announced };
}

interface Announced {
  readonly address: string;
  /** Host and port, or a URL. */
  readonly tls: string;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

describe("Service Bus", () => {
  let child: ChildProcess;
  let said: Announced;
  const connections: Connection[] = [];
  beforeAll(async () => {
    const topology = path.join(folder, "topology.json");
    await writeFile(topology, JSON.stringify({ queues: [{ name: "plain-0" }] }));
    ({ child, said } = await startPart("service-bus", ["--management-port", "0", "--topology", topology]));
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await end(child);
  });

  async function connect(address: string, tls: object = {}): Promise<Connection> {
    const [host = "", port = ""] = address.split(":");
    const connection = rhea.create_container().connect({ host, port: Number(port), reconnect: false, ...tls });
    connections.push(connection);
    for (const event of ["disconnected", "error", "connection_error"]) connection.on(event, () => undefined);
    await once(connection, "connection_open");
    return connection;
  }
  const secure = (): Promise<Connection> =>
    connect(said.tls.replace("127.0.0.1", "localhost"), { transport: "tls", ca });

  test("takes the identity's token on $cbs", async () => {
    const connection = await secure();
    await putToken(connection, await tokenFor(SERVICE_BUS), "jwt");
    await openSender(connection, "plain-0");
  });

  test.each(WRONG)("refuses a token that %s", async (_, token) => {
    await expect(putToken(await secure(), await token(SERVICE_BUS), "jwt")).rejects.toThrow("refused: 401");
  });

  test("takes none where nothing is encrypted", async () => {
    const connection = await connect(said.address.replace("sb://", ""));
    await expect(putToken(connection, await tokenFor(SERVICE_BUS), "jwt")).rejects.toThrow("refused: 401");
  });
});

describe("Web PubSub", () => {
  let child: ChildProcess;
  let said: Announced;
  beforeAll(async () => {
    ({ child, said } = await startPart("web-pubsub", []));
  });
  afterAll(() => end(child));

  const client = (token: string): WebPubSubServiceClient =>
    new WebPubSubServiceClient(
      said.tls,
      { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) },
      "chat",
      { tlsOptions: { ca }, retryOptions: { maxRetries: 0 } },
    );

  test("takes the identity's token, and signs a client's for it", async () => {
    const service = client(await tokenFor(WEB_PUBSUB));
    expect(await service.userExists("nobody")).toBe(false);
    const { baseUrl, token } = await service.getClientAccessToken({ clientProtocol: "socketio", userId: "ana" });
    expect(baseUrl).toBe(`${said.tls.replace("https:", "wss:")}/clients/socketio/hubs/chat`);
    expect(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())).toMatchObject({ sub: "ana" });
  });

  test.each(WRONG)("refuses a token that %s", async (_, token) => {
    await expect(client(await token(WEB_PUBSUB)).userExists("nobody")).rejects.toMatchObject({ statusCode: 401 });
  });
});
