import { app } from "@azure/functions";
import { MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { getDelivery } from "../lib/use-cases/read-messages.js";

/** GET /api/v1/conversations/{conversation}/messages/{message}/delivery: how far it has got, for its author. */
app.http("getDelivery", {
  route: "v1/conversations/{conversation}/messages/{message}/delivery",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath }, async ({ ports, caller, path }) => ({
    jsonBody: await getDelivery(ports, caller, path.conversation, path.message),
  })),
});
