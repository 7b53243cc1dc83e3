import { app } from "@azure/functions";
import { FilePath, IdempotencyKey, Viewing } from "../lib/contracts/http.js";
import { endpoint, parse } from "../lib/http/endpoint.js";
import { openFile } from "../lib/use-cases/view-file.js";

/** POST /api/v1/conversations/{conversation}/files/{file}/views: opens a file. Never by GET: what only looks must not burn it. */
app.http("openView", {
  route: "v1/conversations/{conversation}/files/{file}/views",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint(
    { path: FilePath, body: Viewing, bodyOptional: true },
    async ({ ports, caller, path, body, headers, trace }) => {
      const key = parse(IdempotencyKey, headers.get("idempotency-key") ?? undefined, "parameter-invalid");
      const name = { conversationId: path.conversation, fileId: path.file };
      return { status: 201, jsonBody: await openFile(ports, caller, name, { ...body, key }, trace) };
    },
  ),
});
