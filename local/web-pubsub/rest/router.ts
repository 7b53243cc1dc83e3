/** The data-plane REST API, version 2024-12-01: its operations by method and path. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AccessTokenError, type CheckAccessToken } from "../../identity/access-tokens.js";
import { isRequestAudience } from "../audience.js";
import { hubNameOf } from "../names.js";
import type { Hub } from "../realtime/hub.js";
import { isKeyToken, TokenError, verifyToken } from "../tokens.js";
import type { Answer, Operation, Service } from "./call.js";
import * as connections from "./connections.js";
import * as groups from "./groups.js";
import { badRequest, notFound, RestProblem } from "./problem.js";
import * as send from "./send.js";

export interface RestApi {
  readonly service: Service;
  readonly hub: (name: string) => Hub;
  /** A refusal of the next calls, after `POST /_local/faults`. */
  readonly refusal: () => RestProblem | undefined;
  /** Where access tokens are taken as well as those that an access key signs. */
  readonly checkAccessToken?: CheckAccessToken;
}

const notImplemented: Operation = () => {
  throw new RestProblem(501, "NotImplemented", "Invocations are not supported by this stand-in.");
};

/** Templates of what follows `/api/hubs/{hub}/`. */
const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  ":send": { POST: send.sendToAll },
  ":addToGroups": { POST: groups.addToGroups },
  ":removeFromGroups": { POST: groups.removeFromGroups },
  ":closeConnections": { POST: connections.closeAll },
  ":generateToken": { POST: connections.generateToken },
  "connections/{connectionId}": { HEAD: connections.connectionExists, DELETE: connections.closeConnection },
  "connections/{connectionId}/:send": { POST: send.sendToConnection },
  "connections/{connectionId}/:invoke": { POST: notImplemented },
  "connections/{connectionId}/groups": { DELETE: groups.removeConnectionFromAll },
  "groups/{group}": { HEAD: groups.groupExists },
  "groups/{group}/:send": { POST: send.sendToGroup },
  "groups/{group}/:closeConnections": { POST: connections.closeGroup },
  "groups/{group}/connections": { GET: groups.listConnections },
  "groups/{group}/connections/{connectionId}": { PUT: groups.addConnection, DELETE: groups.removeConnection },
  "permissions/{permission}/connections/{connectionId}": {
    HEAD: connections.checkPermission,
    PUT: connections.grantPermission,
    DELETE: connections.revokePermission,
  },
  "users/{userId}": { HEAD: connections.userExists },
  "users/{userId}/:send": { POST: send.sendToUser },
  "users/{userId}/:closeConnections": { POST: connections.closeUser },
  "users/{userId}/groups": { DELETE: groups.removeUserFromAll },
  "users/{userId}/groups/{group}": { PUT: groups.addUser, DELETE: groups.removeUser },
};

interface Route {
  readonly pattern: RegExp;
  readonly methods: Readonly<Record<string, Operation>>;
}

const ROUTES: readonly Route[] = Object.entries(OPERATIONS).map(([template, methods]) => ({
  pattern: new RegExp(`^/api/hubs/(?<hub>[^/]+)/${template.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
  methods,
}));

/** Answers a call of the REST API; every error becomes an answer. */
export async function serveRest(api: RestApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    respond(response, await dispatch(api, request));
  } catch (error) {
    // What was not read of the body would break the connection under the client before it has read the answer.
    if (!request.readableEnded) request.resume();
    if (response.destroyed) return;
    const problem = error instanceof RestProblem ? error : internalError(api, error);
    for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
    response.setHeader("x-ms-error-code", problem.code);
    respond(response, { status: problem.status, body: { code: problem.code, message: problem.message } });
  }
}

async function dispatch(api: RestApi, request: IncomingMessage): Promise<Answer> {
  const { method = "", url = "" } = request;
  const [path, search] = splitOnce(url, "?");
  if (path === "/api/health" && (method === "HEAD" || method === "GET")) return { status: 200 };
  const refusal = api.refusal();
  if (refusal !== undefined) throw refusal;
  const host = request.headers.host ?? "";
  await authorize(api, request, host);
  const { methods, params } = find(path);
  const hub = hubNameOf(params["hub"] ?? "");
  if (hub === undefined) throw badRequest("Invalid hub name.");
  const operation = methods[method];
  if (operation === undefined) {
    const allow = Object.keys(methods).join(", ");
    throw new RestProblem(405, "MethodNotAllowed", `The resource allows ${allow}.`, { allow });
  }
  const query = new URLSearchParams(search);
  if (query.get("api-version") === null) throw badRequest("An api-version is required.", "ApiVersionUnspecified");
  return operation({ service: api.service, hub: api.hub(hub), request, host, path, params, query });
}

async function authorize(
  { service, checkAccessToken }: RestApi,
  request: IncomingMessage,
  host: string,
): Promise<void> {
  const [, token] = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const target = request.url ?? "";
  try {
    if (token === undefined) throw new TokenError("A bearer token is required.");
    if (checkAccessToken !== undefined && !isKeyToken(token)) {
      await checkAccessToken(token);
      return;
    }
    verifyToken(token, {
      keys: service.keys,
      isAudience: (audience) => isRequestAudience(audience, host, target),
      now: service.now(),
    });
  } catch (error) {
    if (!(error instanceof TokenError || error instanceof AccessTokenError)) throw error;
    throw new RestProblem(401, "Unauthorized", error.message, { "www-authenticate": "Bearer" });
  }
}

function find(path: string): { readonly methods: Route["methods"]; readonly params: Readonly<Record<string, string>> } {
  for (const { pattern, methods } of ROUTES) {
    const match = pattern.exec(path);
    if (match === null) continue;
    try {
      const named = Object.entries(match.groups ?? {});
      return { methods, params: Object.fromEntries(named.map(([name, text]) => [name, decodeURIComponent(text)])) };
    } catch {
      throw badRequest("The path is not percent-encoded UTF-8.");
    }
  }
  throw notFound("There is no such operation in the REST API of Web PubSub.");
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const position = text.indexOf(separator);
  return position < 0 ? [text, ""] : [text.slice(0, position), text.slice(position + 1)];
}

function internalError(api: RestApi, error: unknown): RestProblem {
  api.service.log(`A call failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return new RestProblem(500, "InternalServerError", "The stand-in failed; its log says why.");
}

function respond(response: ServerResponse, { status, body }: Answer): void {
  response.statusCode = status;
  if (body === undefined) {
    if (status !== 204) response.setHeader("content-length", 0);
    response.end();
    return;
  }
  const text = Buffer.from(JSON.stringify(body));
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.setHeader("content-length", text.length);
  response.end(text);
}
