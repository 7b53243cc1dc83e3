import { app } from "@azure/functions";
import { Viewing, ViewPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { keepViewing } from "../lib/use-cases/view-file.js";

/** POST …/views/{view}/heartbeat: the reader is still there, and gets a new URL. */
app.http("heartbeatView", {
  route: "v1/conversations/{conversation}/files/{file}/views/{view}/heartbeat",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ViewPath, body: Viewing, bodyOptional: true }, async ({ ports, caller, path, body }) => {
    const name = { conversationId: path.conversation, fileId: path.file, viewId: path.view };
    return { jsonBody: await keepViewing(ports, caller, name, body) };
  }),
});
