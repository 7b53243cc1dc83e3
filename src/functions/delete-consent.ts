import { app } from "@azure/functions";
import { MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { withdrawConsent } from "../lib/use-cases/keep-message.js";

/** DELETE /api/v1/conversations/{conversation}/messages/{message}/consent: withdraws a consent, or declines. */
app.http("deleteConsent", {
  route: "v1/conversations/{conversation}/messages/{message}/consent",
  methods: ["DELETE"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath }, async ({ ports, caller, path, trace }) => ({
    jsonBody: await withdrawConsent(ports, caller, path.conversation, path.message, trace),
  })),
});
