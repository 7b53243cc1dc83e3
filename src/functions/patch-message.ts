import { app } from "@azure/functions";
import { EditMessage, MessagePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { requireHearing } from "../lib/use-cases/block-user.js";
import { editMessage } from "../lib/use-cases/edit-message.js";

/** PATCH /api/v1/conversations/{conversation}/messages/{message}: its author gives a text other words. */
app.http("patchMessage", {
  route: "v1/conversations/{conversation}/messages/{message}",
  methods: ["PATCH"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath, body: EditMessage }, async ({ ports, caller, path, body, trace }) => {
    await requireHearing(ports, caller, path.conversation);
    return { jsonBody: await editMessage(ports, caller, path.conversation, path.message, body, trace) };
  }),
});
