import { app } from "@azure/functions";
import { ConversationPath, SendMessage } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { requireHearing } from "../lib/use-cases/block-user.js";
import { scheduleText } from "../lib/use-cases/schedule-text.js";
import { sendText } from "../lib/use-cases/send-text.js";

/** POST /api/v1/conversations/{conversation}/messages: accepts a text, to be sent now or at `sendAt`. */
app.http("sendMessage", {
  route: "v1/conversations/{conversation}/messages",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, body: SendMessage }, async ({ ports, caller, path, body, trace }) => {
    await requireHearing(ports, caller, path.conversation);
    const { sendAt } = body;
    const message =
      sendAt === undefined
        ? await sendText(ports, caller, path.conversation, body, trace)
        : await scheduleText(ports, caller, path.conversation, { ...body, sendAt }, trace);
    return {
      status: 202,
      headers: { location: `/api/v1/conversations/${message.conversationId}/messages/${message.id}` },
      jsonBody: message,
    };
  }),
});
