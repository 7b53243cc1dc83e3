import { app } from "@azure/functions";
import { MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { sendScheduledNow } from "../lib/use-cases/schedule-text.js";

/** POST /api/v1/conversations/{conversation}/scheduled/{message}/send: sends a waiting text now. */
app.http("sendScheduled", {
  route: "v1/conversations/{conversation}/scheduled/{message}/send",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath }, async ({ ports, caller, path, trace }) => {
    const message = await sendScheduledNow(ports, caller, path.conversation, path.message, trace);
    return {
      status: 202,
      headers: { location: `/api/v1/conversations/${path.conversation}/messages/${path.message}` },
      jsonBody: message,
    };
  }),
});
