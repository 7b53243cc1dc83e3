/** Sending: `:send` to a hub, a group, a user, a connection. Answered 202 whoever is there: nobody hears who got it. */
import type { Connection } from "../realtime/connection.js";
import { parsePayload } from "../realtime/outgoing.js";
import { mediaTypeOf, parseJson, readBody } from "./body.js";
import { filterOrProblem, groupParam, integerParam, param, without, type Answer, type Call } from "./call.js";

const MEDIA_TYPES = ["text/plain", "application/json", "application/octet-stream"];
const LONGEST_TTL_S = 300;

export async function sendToAll(call: Call): Promise<Answer> {
  return send(call, () => call.hub.connections.values());
}

export async function sendToGroup(call: Call): Promise<Answer> {
  const group = groupParam(call);
  return send(call, () => call.hub.inGroup(group));
}

export async function sendToUser(call: Call): Promise<Answer> {
  return send(call, () => call.hub.ofUser(param(call, "userId")));
}

export async function sendToConnection(call: Call): Promise<Answer> {
  const connectionId = param(call, "connectionId");
  return send(call, () => {
    const connection = call.hub.connections.get(connectionId);
    return connection === undefined ? [] : [connection];
  });
}

async function send(call: Call, candidates: () => Iterable<Connection>): Promise<Answer> {
  const { request, hub, query, service } = call;
  const since = service.now();
  const body = await readBody(request);
  integerParam(call, "messageTtlSeconds", 0, LONGEST_TTL_S);
  const filterText = query.get("filter");
  const filter = filterOrProblem(filterText);
  const mediaType = mediaTypeOf(request, MEDIA_TYPES);
  if (mediaType === "application/json") parseJson(body);
  const packets = mediaType === "text/plain" ? parsePayload(body.toString("utf8")) : undefined;
  if (packets === undefined) {
    service.log(
      `hub ${hub.name}: a message (${mediaType}, ${body.length} bytes) reaches nobody: it is not an Engine.IO payload. ` +
        `Send Socket.IO packets like 42["event"] with contentType "text/plain".`,
    );
    return { status: 202 };
  }
  const told = {
    ...{ hub: hub.name, to: call.params, payload: body.toString("utf8"), since },
    traceParent: request.headers["traceparent"]?.toString(),
    ...(filterText === null || filterText === "" ? {} : { filter: filterText }),
  };
  if (service.loses()) {
    service.sent({ ...told, reached: 0, lost: true });
    return { status: 202 };
  }

  // Read only now: whoever joined or left while the body came in has joined or left.
  const excluded = query.getAll("excluded");
  let targets = candidates();
  if (excluded.length > 0) targets = without(excluded, targets);
  if (filterText !== null && filterText !== "") targets = [...targets].filter(filter);
  const reached = [...targets];
  hub.send(reached, packets);
  service.sent({ ...told, reached: reached.length });
  return { status: 202 };
}
