import { app } from "@azure/functions";
import { UserPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { unblockUser } from "../lib/use-cases/block-user.js";

/** DELETE /api/v1/users/{user}/block: takes that back. */
app.http("unblockUser", {
  route: "v1/users/{user}/block",
  methods: ["DELETE"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: UserPath }, async ({ ports, caller, path }) => {
    await unblockUser(ports, caller, path.user);
    return { status: 204 };
  }),
});
