import { app } from "@azure/functions";
import { Page } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { listConversations } from "../lib/use-cases/read-conversations.js";

/** GET /api/v1/conversations?limit&cursor: the caller's conversations, newest first. */
app.http("listConversations", {
  route: "v1/conversations",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ query: Page }, async ({ ports, caller, query }) => ({
    jsonBody: await listConversations(ports, caller, query),
  })),
});
