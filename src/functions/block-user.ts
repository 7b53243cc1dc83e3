import { app } from "@azure/functions";
import { UserPath } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { blockUser } from "../lib/use-cases/block-user.js";

/** PUT /api/v1/users/{user}/block: wants nothing more of the user. */
app.http("blockUser", {
  route: "v1/users/{user}/block",
  methods: ["PUT"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: UserPath }, async ({ ports, caller, path, trace }) => {
    await blockUser(ports, caller, path.user, trace);
    return { status: 204 };
  }),
});
