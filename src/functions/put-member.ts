import { app } from "@azure/functions";
import { MemberPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { requireWelcome } from "../lib/use-cases/block-user.js";
import { addMember } from "../lib/use-cases/change-members.js";

/** PUT /api/v1/conversations/{conversation}/members/{user}: makes a user a member from now on. */
app.http("putMember", {
  route: "v1/conversations/{conversation}/members/{user}",
  methods: ["PUT"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MemberPath }, async ({ ports, caller, path }) => {
    await requireWelcome(ports, caller, [path.user]);
    await addMember(ports, caller, path.conversation, path.user);
    return { status: 204 };
  }),
});
