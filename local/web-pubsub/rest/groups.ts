/** Who is in which group. */
import { z } from "zod";
import { isGroupName } from "../names.js";
import type { Connection } from "../realtime/connection.js";
import { mediaTypeOf, parseJson, readBody } from "./body.js";
import { filterOrProblem, groupParam, integerParam, param, type Answer, type Call } from "./call.js";
import { badRequest, notFound } from "./problem.js";

const groupsByFilter = z.object({
  groups: z.array(z.string().refine(isGroupName)).min(1),
  filter: z.string().nullish(),
});

const LARGEST_PAGE = 200;

export async function addToGroups(call: Call): Promise<Answer> {
  const { groups, connections } = await readGroupsByFilter(call);
  for (const connection of connections) for (const group of groups) call.hub.join(connection, group);
  return { status: 200 };
}

export async function removeFromGroups(call: Call): Promise<Answer> {
  const { groups, connections } = await readGroupsByFilter(call);
  for (const connection of connections) for (const group of groups) call.hub.leave(connection, group);
  return { status: 200 };
}

async function readGroupsByFilter(
  call: Call,
): Promise<{ readonly groups: readonly string[]; readonly connections: readonly Connection[] }> {
  const body = await readBody(call.request);
  mediaTypeOf(call.request, ["application/json"]);
  const parsed = groupsByFilter.safeParse(parseJson(body));
  if (!parsed.success) throw badRequest('The body must be {"groups": ["…"], "filter": "…"} with group names.');
  const filter = filterOrProblem(parsed.data.filter);
  return { groups: parsed.data.groups, connections: [...call.hub.connections.values()].filter(filter) };
}

export function groupExists(call: Call): Answer {
  return { status: call.hub.inGroup(groupParam(call)).size > 0 ? 200 : 404 };
}

export function addConnection(call: Call): Answer {
  const connection = call.hub.connections.get(param(call, "connectionId"));
  if (connection === undefined) throw notFound("The connection does not exist.");
  call.hub.join(connection, groupParam(call));
  return { status: 200 };
}

export function removeConnection(call: Call): Answer {
  const group = groupParam(call);
  const connection = call.hub.connections.get(param(call, "connectionId"));
  if (connection !== undefined) call.hub.leave(connection, group);
  return { status: 204 };
}

export function removeConnectionFromAll(call: Call): Answer {
  const connection = call.hub.connections.get(param(call, "connectionId"));
  if (connection !== undefined) call.hub.leaveAll(connection);
  return { status: 204 };
}

/** The user's connections of this moment: one that opens later is in no group. */
export function addUser(call: Call): Answer {
  const group = groupParam(call);
  const connections = call.hub.ofUser(param(call, "userId"));
  if (connections.size === 0) throw notFound("The user has no connection.");
  for (const connection of connections) call.hub.join(connection, group);
  return { status: 200 };
}

export function removeUser(call: Call): Answer {
  const group = groupParam(call);
  for (const connection of call.hub.ofUser(param(call, "userId"))) call.hub.leave(connection, group);
  return { status: 204 };
}

export function removeUserFromAll(call: Call): Answer {
  for (const connection of call.hub.ofUser(param(call, "userId"))) call.hub.leaveAll(connection);
  return { status: 204 };
}

/** Pages in the order of the connections' ids: who stays in the group is listed once, whoever comes and goes. */
export function listConnections(call: Call): Answer {
  const { query, hub } = call;
  const maxPageSize = integerParam(call, "maxpagesize", 1, LARGEST_PAGE) ?? LARGEST_PAGE;
  const top = integerParam(call, "top", 1, 2 ** 31 - 1);
  const after = cursorOf(query.get("continuationToken"));
  const rest = [...hub.inGroup(groupParam(call))].filter(({ id }) => id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = rest.slice(0, Math.min(maxPageSize, top ?? LARGEST_PAGE));
  const last = page.at(-1);
  const more = rest.length > page.length && (top === undefined || top > page.length);
  const value = page.map(({ id, userId }) => ({ connectionId: id, ...(userId === null ? {} : { userId }) }));
  if (!more || last === undefined) return { status: 200, body: { value } };
  const next = new URLSearchParams({
    "api-version": query.get("api-version") ?? "",
    maxpagesize: String(maxPageSize),
    continuationToken: Buffer.from(last.id).toString("base64url"),
    ...(top === undefined ? {} : { top: String(top - page.length) }),
  });
  return { status: 200, body: { value, nextLink: `http://${call.host}${call.path}?${next.toString()}` } };
}

function cursorOf(continuationToken: string | null): string {
  if (continuationToken === null) return "";
  const id = Buffer.from(continuationToken, "base64url").toString("utf8");
  if (!/^[0-9a-f]{32}$/.test(id)) throw badRequest("Invalid continuationToken.");
  return id;
}
