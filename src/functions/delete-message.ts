import { app } from "@azure/functions";
import { MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { unsendMessage } from "../lib/use-cases/unsend-message.js";

/** DELETE /api/v1/conversations/{conversation}/messages/{message}: its author takes it back. */
app.http("deleteMessage", {
  route: "v1/conversations/{conversation}/messages/{message}",
  methods: ["DELETE"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath }, async ({ ports, caller, path, trace }) => {
    await unsendMessage(ports, caller, path.conversation, path.message, trace);
    return { status: 204 };
  }),
});
