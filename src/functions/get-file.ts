import { app } from "@azure/functions";
import { FilePath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { getFile } from "../lib/use-cases/start-upload.js";

/** GET /api/v1/conversations/{conversation}/files/{file}: what is known of a file; never its content. */
app.http("getFile", {
  route: "v1/conversations/{conversation}/files/{file}",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: FilePath }, async ({ ports, caller, path }) => ({
    jsonBody: await getFile(ports, caller, path.conversation, path.file),
  })),
});
