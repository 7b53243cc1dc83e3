import { app } from "@azure/functions";
import { ConversationPath, CreateFile } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { addressOf } from "../lib/use-cases/file-names.js";
import { startUpload } from "../lib/use-cases/start-upload.js";

/** POST /api/v1/conversations/{conversation}/files: announces a file, and answers where to upload it. */
app.http("createFile", {
  route: "v1/conversations/{conversation}/files",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, body: CreateFile }, async ({ ports, caller, path, body, trace }) => {
    const file = await startUpload(ports, caller, path.conversation, body, trace);
    const location = addressOf({ conversationId: path.conversation, fileId: file.id });
    return { status: 201, headers: { location }, jsonBody: file };
  }),
});
