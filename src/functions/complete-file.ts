import { app } from "@azure/functions";
import { FilePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { completeUpload } from "../lib/use-cases/complete-upload.js";

/** POST /api/v1/conversations/{conversation}/files/{file}/complete: checks what was uploaded, and accepts it. */
app.http("completeFile", {
  route: "v1/conversations/{conversation}/files/{file}/complete",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: FilePath }, async ({ ports, caller, path, trace }) => {
    const message = await completeUpload(ports, caller, path.conversation, path.file, trace);
    return {
      status: 202,
      headers: { location: `/api/v1/conversations/${message.conversationId}/messages/${message.id}` },
      jsonBody: message,
    };
  }),
});
