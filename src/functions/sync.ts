import { app } from "@azure/functions";
import { Sync } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { sync } from "../lib/use-cases/read-changes.js";

/** POST /api/v1/sync: what moved in which conversation since the caller's client last looked. */
app.http("sync", {
  route: "v1/sync",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ body: Sync }, async ({ ports, caller, body }) => ({ jsonBody: await sync(ports, caller, body) })),
});
