import { app } from "@azure/functions";
import { ConversationPath, Page } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { listMessages } from "../lib/use-cases/read-messages.js";

/** GET /api/v1/conversations/{conversation}/messages?limit&cursor: what the caller can read, newest first. */
app.http("listMessages", {
  route: "v1/conversations/{conversation}/messages",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, query: Page }, async ({ ports, caller, path, query }) => ({
    jsonBody: await listMessages(ports, caller, path.conversation, query),
  })),
});
