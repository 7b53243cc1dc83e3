import { app } from "@azure/functions";
import { MessageQuery, OperatorMessagePath } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { getMessageLife } from "../lib/use-cases/message-life.js";

/** GET /api/ops/messages/{message}?conversation: what has happened to a message, never what it says. */
app.http("getMessageLife", {
  route: "ops/messages/{message}",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ path: OperatorMessagePath, query: MessageQuery }, async ({ ports, path, query }) => ({
    jsonBody: await getMessageLife(ports, query.conversation, path.message),
  })),
});
