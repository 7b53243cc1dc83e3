import { app } from "@azure/functions";
import { endpoint } from "../lib/http/endpoint.js";
import { getErasure } from "../lib/use-cases/erase-account.js";

/** GET /api/v1/me/erasure: how far the erasing of the caller's account is. */
app.http("getErasure", {
  route: "v1/me/erasure",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({}, async ({ ports, caller }) => ({ jsonBody: await getErasure(ports, caller) })),
});
