import { app } from "@azure/functions";
import { Consents, ConversationPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { requireHearing } from "../lib/use-cases/block-user.js";
import { giveConsents } from "../lib/use-cases/keep-message.js";

/** POST /api/v1/conversations/{conversation}/consents: asks to keep, or agrees to keep, a stretch of texts. */
app.http("postConsents", {
  route: "v1/conversations/{conversation}/consents",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, body: Consents }, async ({ ports, caller, path, body, trace }) => {
    await requireHearing(ports, caller, path.conversation);
    return { jsonBody: await giveConsents(ports, caller, path.conversation, body, trace) };
  }),
});
