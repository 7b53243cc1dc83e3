import { app } from "@azure/functions";
import { ConversationPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { signalTyping } from "../lib/use-cases/signal.js";

/** POST /api/v1/conversations/{conversation}/typing: the caller is writing. */
app.http("postTyping", {
  route: "v1/conversations/{conversation}/typing",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath }, async ({ ports, caller, path }) => {
    await signalTyping(ports, caller, path.conversation);
    return { status: 204 };
  }),
});
