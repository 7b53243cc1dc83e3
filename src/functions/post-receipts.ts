import { app } from "@azure/functions";
import { ConversationPath, Receipts } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { acknowledgeReceipts } from "../lib/use-cases/acknowledge-receipts.js";

/** POST /api/v1/conversations/{conversation}/receipts: moves the caller's watermarks forward. */
app.http("postReceipts", {
  route: "v1/conversations/{conversation}/receipts",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: ConversationPath, body: Receipts }, async ({ ports, caller, path, body }) => {
    await acknowledgeReceipts(ports, caller, path.conversation, body);
    return { status: 204 };
  }),
});
