import { app } from "@azure/functions";
import { endpoint } from "../lib/http/endpoint.js";
import { listBlocked } from "../lib/use-cases/block-user.js";

/** GET /api/v1/me/blocked: whom the caller has blocked. */
app.http("listBlocked", {
  route: "v1/me/blocked",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({}, async ({ ports, caller }) => ({ jsonBody: await listBlocked(ports, caller) })),
});
