/**
 * The identity endpoint that App Service gives an app with a managed identity (learn.microsoft.com, overview-managed-identity, REST
 * endpoint reference), version 2019-08-01. Its tokens look as those of Entra ID, version 1; their keys are at `/keys`.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { SignJWT } from "jose";
import { ALGORITHM, loadSigningKey, type SigningKey } from "../issuer/keys.js";
import { listenOnLoopback } from "../loopback-server.js";

export interface IdentityOptions {
  readonly port: number;
  /** Where the signing key is kept. */
  readonly dataFolder: string;
  /** The one identity that the app has. */
  readonly clientId: string;
}

export interface IdentityEndpoint {
  /** Settings by which the Azure SDKs find it: IDENTITY_ENDPOINT, IDENTITY_HEADER. */
  readonly settings: Readonly<Record<string, string>>;
  /** A JSON Web Key Set. */
  readonly keys: string;
  stop(): Promise<void>;
}

const API_VERSION = "2019-08-01";
const TENANT = "6f1c3a52-0d0b-4f0e-9f57-0a8f6a1f2c11";
const ISSUER = `https://sts.windows.net/${TENANT}/`;
/** Entra's are valid for 24 hours for managed identities. */
const LIFETIME_S = 24 * 3_600;

export async function startIdentityEndpoint(options: IdentityOptions): Promise<IdentityEndpoint> {
  const key = await loadSigningKey(options.dataFolder);
  // Known to the app alone, as on App Service: a request that somebody else makes the app send cannot have it.
  const header = randomBytes(32).toString("hex");
  const server = createServer((request, response) => {
    answer(request, { ...options, key, header }).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => {
        console.error("identity: a token could not be made:", error);
        send(response, 500, { message: "The identity endpoint failed." });
      },
    );
  });
  const listener = await listenOnLoopback(server, options.port);
  const { url } = listener;
  return {
    settings: { IDENTITY_ENDPOINT: `${url}/msi/token`, IDENTITY_HEADER: header },
    keys: `${url}/keys`,
    stop: () => listener.stop(),
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function answer(
  { method, url = "/", headers }: IncomingMessage,
  { clientId, key, header }: IdentityOptions & { readonly key: SigningKey; readonly header: string },
): Promise<Answer> {
  const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
  if (method === "GET" && pathname === "/keys") return { status: 200, body: { keys: [key.publicJwk] } };
  if (method !== "GET" || pathname !== "/msi/token") return { status: 404, body: { message: "No such endpoint." } };
  if (headers["x-identity-header"] !== header) return refused(401, "The header X-IDENTITY-HEADER is not right.");
  if (searchParams.get("api-version") !== API_VERSION) return refused(400, `The api-version must be ${API_VERSION}.`);
  const resource = searchParams.get("resource") ?? "";
  if (resource === "") return refused(400, "A resource is required.");
  if (searchParams.get("client_id") !== clientId) {
    return refused(400, "No user-assigned identity with this client_id belongs to the app.");
  }
  const now = Math.floor(Date.now() / 1_000);
  const token = await new SignJWT({
    iss: ISSUER,
    aud: resource,
    appid: clientId,
    oid: clientId,
    sub: clientId,
    tid: TENANT,
  })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: "JWT" })
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + LIFETIME_S)
    .sign(key.privateKey);
  return {
    status: 200,
    body: {
      access_token: token,
      client_id: clientId,
      expires_on: String(now + LIFETIME_S),
      not_before: String(now),
      resource,
      token_type: "Bearer",
    },
  };
}

const refused = (status: number, message: string): Answer => ({ status, body: { statusCode: status, message } });

function send(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.end(JSON.stringify(body));
}
