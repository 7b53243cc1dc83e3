import { app } from "@azure/functions";
import { ConversationPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { getConversation } from "../lib/use-cases/read-conversations.js";

/** GET /api/v1/conversations/{conversation}: one conversation, as its caller sees it. */
app.http("getConversation", {
  route: "v1/conversations/{conversation}",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath }, async ({ ports, caller, path }) => ({
    jsonBody: await getConversation(ports, caller, path.conversation),
  })),
});
