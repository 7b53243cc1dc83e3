import { app } from "@azure/functions";
import { ChangeScheduled, MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { changeScheduled } from "../lib/use-cases/schedule-text.js";

/** PATCH /api/v1/conversations/{conversation}/scheduled/{message}: changes what a waiting text says, or when it is sent. */
app.http("patchScheduled", {
  route: "v1/conversations/{conversation}/scheduled/{message}",
  methods: ["PATCH"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath, body: ChangeScheduled }, async ({ ports, caller, path, body, trace }) => ({
    jsonBody: await changeScheduled(ports, caller, path.conversation, path.message, body, trace),
  })),
});
