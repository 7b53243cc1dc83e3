/**
 * A small OpenID Connect issuer that gives a token to whoever asks. It stands for the provider that a deployment has (Entra ID or
 * any other): a verifier sees the same discovery document, keys and claims.
 *
 * Not an OAuth 2.0 server: `POST /token` takes JSON and knows no clients, grants or secrets.
 */
import { SignJWT, type JWTPayload } from "jose";
import { RequestError, startLoopbackServer, type LocalAnswer, type LocalRequest } from "../loopback-server.js";
import { ALGORITHM, loadSigningKey, type SigningKey } from "./keys.js";

const DEFAULT_LIFETIME_S = 3_600;

export interface IssuerOptions {
  readonly port: number;
  /** Where the key is kept. */
  readonly dataFolder: string;
  /** The `aud` of tokens that are asked for without one. */
  readonly audience: string;
}

export interface Issuer {
  readonly url: string;
  token(request: TokenRequest): Promise<TokenAnswer>;
  stop(): Promise<void>;
}

/** Anything beyond the named fields becomes a claim of its own; `exp`, `iat` and `iss` may be set for tests of a verifier. */
interface TokenRequest {
  readonly sub: string;
  readonly roles?: readonly string[];
  /** Seconds; negative makes a token that has expired already. */
  readonly expiresIn?: number;
  readonly audience?: string;
  readonly [claim: string]: unknown;
}

interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
}

export async function startIssuer(options: IssuerOptions): Promise<Issuer> {
  const key = await loadSigningKey(options.dataFolder);
  let url = "";
  const sign = (request: TokenRequest): Promise<TokenAnswer> => signToken(request, url, options.audience, key);
  const server = await startLoopbackServer(options.port, (request) => respond(request, url, key, sign));
  url = server.url;
  return { url, token: sign, stop: () => server.stop() };
}

async function respond(
  request: LocalRequest,
  issuer: string,
  key: SigningKey,
  sign: (request: TokenRequest) => Promise<TokenAnswer>,
): Promise<LocalAnswer> {
  switch (`${request.method} ${request.url.pathname}`) {
    case "GET /.well-known/openid-configuration":
      return { status: 200, body: discoveryDocument(issuer) };
    case "GET /jwks":
      return { status: 200, body: { keys: [key.publicJwk] } };
    case "POST /token":
      return { status: 200, body: await sign(tokenRequest(request.body)) };
    default:
      throw new RequestError(
        404,
        'The issuer answers GET /.well-known/openid-configuration, GET /jwks and POST /token {"sub": "…"}.',
      );
  }
}

/** OpenID Connect Discovery 1.0, section 3: the fields that are required, as far as this issuer has them. */
function discoveryDocument(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ["token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [ALGORITHM],
  };
}

function tokenRequest(body: unknown): TokenRequest {
  const { sub, roles, expiresIn, audience } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof sub !== "string" || sub === "") throw new RequestError(400, '"sub" must be a text: {"sub": "user-1"}.');
  if (roles !== undefined && !(Array.isArray(roles) && roles.every((role) => typeof role === "string"))) {
    throw new RequestError(400, '"roles" must be a list of texts: {"roles": ["operator"]}.');
  }
  if (expiresIn !== undefined && !Number.isSafeInteger(expiresIn)) {
    throw new RequestError(400, '"expiresIn" must be a whole number of seconds.');
  }
  if (audience !== undefined && typeof audience !== "string") throw new RequestError(400, '"audience" must be a text.');
  return body as TokenRequest;
}

async function signToken(
  { sub, roles, expiresIn = DEFAULT_LIFETIME_S, audience, ...claims }: TokenRequest,
  issuer: string,
  defaultAudience: string,
  key: SigningKey,
): Promise<TokenAnswer> {
  const now = Math.floor(Date.now() / 1_000);
  const payload: JWTPayload = {
    iss: issuer,
    sub,
    aud: audience ?? defaultAudience,
    iat: now,
    exp: now + expiresIn,
    ...(roles === undefined ? {} : { roles }),
    ...claims,
  };
  const token = await new SignJWT(payload)
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: "JWT" })
    .sign(key.privateKey);
  return { access_token: token, token_type: "Bearer", expires_in: expiresIn };
}
