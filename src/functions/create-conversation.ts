import { app } from "@azure/functions";
import { CreateConversation } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { requireWelcome } from "../lib/use-cases/block-user.js";
import { createConversation } from "../lib/use-cases/create-conversation.js";

/** POST /api/v1/conversations: starts a conversation of the caller and others. */
app.http("createConversation", {
  route: "v1/conversations",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token: see lib/http/authenticate.ts
  handler: endpoint({ body: CreateConversation }, async ({ ports, caller, body }) => {
    await requireWelcome(ports, caller, body.members);
    const { created, conversation } = await createConversation(ports, caller, body);
    return {
      status: created ? 201 : 200,
      headers: { location: `/api/v1/conversations/${conversation.id}` },
      jsonBody: conversation,
    };
  }),
});
