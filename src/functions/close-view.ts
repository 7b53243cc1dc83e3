import { app } from "@azure/functions";
import { CloseView, ViewPath } from "../lib/contracts/http.js";
import { jsonBody } from "../lib/http/body.js";
import { openEndpoint, parse, pathOf } from "../lib/http/endpoint.js";
import { services } from "../lib/services.js";
import { within } from "../lib/within.js";
import { closeByReader } from "../lib/use-cases/close-view.js";

/** POST …/views/{view}/close: ends a view. With its close token nothing else is needed: a beacon has no headers. */
app.http("closeView", {
  route: "v1/conversations/{conversation}/files/{file}/views/{view}/close",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token, or the close token
  handler: openEndpoint(async (request, _context, trace) => {
    const { authenticate, ports } = await services();
    const path = parse(ViewPath, pathOf(request), "parameter-invalid");
    const isEmpty = Number(request.headers.get("content-length") ?? 0) === 0;
    const body = parse(CloseView, isEmpty ? {} : await jsonBody(request, { mayBeText: true }), "input-invalid");
    const authorization = request.headers.get("authorization");
    const byToken = body.closeToken !== undefined;
    const caller = byToken ? undefined : (await authenticate(authorization)).user;
    const name = { conversationId: path.conversation, fileId: path.file, viewId: path.view };
    const closed = await closeByReader(within(ports, trace), caller, name, body, trace);
    return { status: 202, jsonBody: closed };
  }),
});
