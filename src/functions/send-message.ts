import { app } from "@azure/functions";
import { ConversationPath, SendMessage } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { sendText } from "../lib/use-cases/send-text.js";

/** POST /api/v1/conversations/{conversation}/messages: accepts a text; it is delivered through the queue `text-messages`. */
app.http("sendMessage", {
  route: "v1/conversations/{conversation}/messages",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, body: SendMessage }, async ({ ports, caller, path, body, trace }) => {
    const message = await sendText(ports, caller, path.conversation, body, trace);
    return {
      status: 202,
      headers: { location: `/api/v1/conversations/${message.conversationId}/messages/${message.id}` },
      jsonBody: message,
    };
  }),
});
