import { app } from "@azure/functions";
import { Changes, ConversationPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { readChanges } from "../lib/use-cases/read-changes.js";

/** GET /api/v1/conversations/{conversation}/changes?after&limit: what happened after a `seq`, in order. */
app.http("listChanges", {
  route: "v1/conversations/{conversation}/changes",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, query: Changes }, async ({ ports, caller, path, query }) => ({
    jsonBody: await readChanges(ports, caller, path.conversation, query),
  })),
});
