import { app } from "@azure/functions";
import { MemberPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { removeMember } from "../lib/use-cases/change-members.js";

/** DELETE /api/v1/conversations/{conversation}/members/{user}: leaves, or removes somebody. */
app.http("deleteMember", {
  route: "v1/conversations/{conversation}/members/{user}",
  methods: ["DELETE"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MemberPath }, async ({ ports, caller, path, trace }) => {
    await removeMember(ports, caller, path.conversation, path.user, trace);
    return { status: 204 };
  }),
});
