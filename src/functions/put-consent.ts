import { app } from "@azure/functions";
import { GiveConsent, MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { requireHearing } from "../lib/use-cases/block-user.js";
import { giveConsent } from "../lib/use-cases/keep-message.js";

/** PUT /api/v1/conversations/{conversation}/messages/{message}/consent: asks to keep a text, or agrees to it. */
app.http("putConsent", {
  route: "v1/conversations/{conversation}/messages/{message}/consent",
  methods: ["PUT"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint(
    { path: MessagePath, body: GiveConsent, bodyOptional: true },
    async ({ ports, caller, path, body, trace }) => {
      await requireHearing(ports, caller, path.conversation);
      return { jsonBody: await giveConsent(ports, caller, path.conversation, path.message, body, trace) };
    },
  ),
});
