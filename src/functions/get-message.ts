import { app } from "@azure/functions";
import { MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { getMessage } from "../lib/use-cases/read-messages.js";

/** GET /api/v1/conversations/{conversation}/messages/{message}: one message. */
app.http("getMessage", {
  route: "v1/conversations/{conversation}/messages/{message}",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath }, async ({ ports, caller, path }) => ({
    jsonBody: await getMessage(ports, caller, path.conversation, path.message),
  })),
});
