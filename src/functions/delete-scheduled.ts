import { app } from "@azure/functions";
import { MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { cancelScheduled } from "../lib/use-cases/schedule-text.js";

/** DELETE /api/v1/conversations/{conversation}/scheduled/{message}: cancels a waiting text. */
app.http("deleteScheduled", {
  route: "v1/conversations/{conversation}/scheduled/{message}",
  methods: ["DELETE"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath }, async ({ ports, caller, path }) => {
    await cancelScheduled(ports, caller, path.conversation, path.message);
    return { status: 204 };
  }),
});
