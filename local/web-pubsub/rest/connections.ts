/** Connections, their users and their permissions, and tokens for new ones. */
import { isGroupName } from "../names.js";
import type { Connection } from "../realtime/connection.js";
import { signToken } from "../tokens.js";
import { integerParam, param, without, groupParam, type Answer, type Call } from "./call.js";
import { badRequest, notFound, RestProblem } from "./problem.js";

const DEFAULT_REASON = "Closed by REST API.";

export function connectionExists(call: Call): Answer {
  return { status: call.hub.connections.has(param(call, "connectionId")) ? 200 : 404 };
}

export function userExists(call: Call): Answer {
  return { status: call.hub.ofUser(param(call, "userId")).size > 0 ? 200 : 404 };
}

export function closeConnection(call: Call): Answer {
  const connection = call.hub.connections.get(param(call, "connectionId"));
  return close(call, connection === undefined ? [] : [connection]);
}

export function closeAll(call: Call): Answer {
  return close(call, call.hub.connections.values());
}

export function closeGroup(call: Call): Answer {
  return close(call, call.hub.inGroup(groupParam(call)));
}

export function closeUser(call: Call): Answer {
  return close(call, call.hub.ofUser(param(call, "userId")));
}

function close({ hub, query }: Call, connections: Iterable<Connection>): Answer {
  const reason = query.get("reason") ?? "";
  for (const connection of without(query.getAll("excluded"), connections)) {
    hub.close(connection, reason === "" ? DEFAULT_REASON : reason);
  }
  return { status: 204 };
}

/** Kept, and told again when asked for. Socket.IO clients have nothing that they would need a permission for. */
export function grantPermission(call: Call): Answer {
  const connection = connectionOf(call);
  connection.permissions.add(permissionOf(call));
  return { status: 200 };
}

export function revokePermission(call: Call): Answer {
  const permission = permissionOf(call);
  call.hub.connections.get(param(call, "connectionId"))?.permissions.delete(permission);
  return { status: 204 };
}

export function checkPermission(call: Call): Answer {
  const { permissions } = connectionOf(call);
  const forAll = `webpubsub.${kindOfPermission(call)}`;
  return { status: permissions.has(forAll) || permissions.has(permissionOf(call)) ? 200 : 404 };
}

function connectionOf(call: Call): Connection {
  const connection = call.hub.connections.get(param(call, "connectionId"));
  if (connection === undefined) throw notFound("The connection does not exist.");
  return connection;
}

function kindOfPermission(call: Call): string {
  const permission = param(call, "permission");
  if (permission !== "sendToGroup" && permission !== "joinLeaveGroup") {
    throw badRequest("The permission must be sendToGroup or joinLeaveGroup.");
  }
  return permission;
}

/** Spelled as the role of a token that gives the same permission. */
function permissionOf(call: Call): string {
  const group = call.query.get("targetName");
  return `webpubsub.${kindOfPermission(call)}${group === null || group === "" ? "" : `.${group}`}`;
}

const DEFAULT_LIFETIME_MIN = 60;
const LONGEST_LIFETIME_MIN = 2 ** 31 - 1;

/** What an SDK without an access key asks for: the service signs the client's token. */
export function generateToken(call: Call): Answer {
  const { hub, host, query, service } = call;
  const minutes = integerParam(call, "minutesToExpire", 1, LONGEST_LIFETIME_MIN) ?? DEFAULT_LIFETIME_MIN;
  const groups = query.getAll("group");
  if (!groups.every(isGroupName)) throw badRequest("Invalid group name.");
  const userId = query.get("userId") ?? "";
  const roles = query.getAll("role");
  const now = Math.floor(service.now() / 1000);
  const claims = {
    ...(userId === "" ? {} : { sub: userId }),
    ...(roles.length === 0 ? {} : { role: roles }),
    ...(groups.length === 0 ? {} : { "webpubsub.group": groups }),
    nbf: now,
    iat: now,
    exp: now + minutes * 60,
    aud: `http://${host}/${clientPath(query.get("clientType"))}/${hub.name}`,
  };
  return { status: 200, body: { token: signToken(claims, service.keys.primary) } };
}

function clientPath(clientType: string | null): string {
  switch ((clientType ?? "default").toLowerCase()) {
    case "socketio":
      return "clients/socketio/hubs";
    case "default":
      return "client/hubs";
    case "mqtt":
      throw new RestProblem(501, "NotImplemented", "MQTT clients are not supported: ask for clientType=socketio.");
    default:
      throw badRequest("Invalid clientType.");
  }
}
