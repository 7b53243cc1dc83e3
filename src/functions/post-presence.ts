import { app } from "@azure/functions";
import { ConversationPath, Presence } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { signalPresence } from "../lib/use-cases/signal.js";

/** POST /api/v1/conversations/{conversation}/presence: the caller is there, for as long as a lease, or has left. */
app.http("postPresence", {
  route: "v1/conversations/{conversation}/presence",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, body: Presence }, async ({ ports, caller, path, body }) => ({
    jsonBody: await signalPresence(ports, caller, path.conversation, body),
  })),
});
