import { app } from "@azure/functions";
import { ConversationPath, Page } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { listScheduled } from "../lib/use-cases/schedule-text.js";

/** GET /api/v1/conversations/{conversation}/scheduled?limit&cursor: the caller's own texts that wait for their time. */
app.http("listScheduled", {
  route: "v1/conversations/{conversation}/scheduled",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, query: Page }, async ({ ports, caller, path, query }) => ({
    jsonBody: await listScheduled(ports, caller, path.conversation, query),
  })),
});
