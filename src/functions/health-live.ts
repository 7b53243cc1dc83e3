import { app } from "@azure/functions";
import { openEndpoint } from "../lib/http/endpoint.js";

/** GET /api/health/live: the process answers. */
app.http("healthLive", {
  route: "health/live",
  methods: ["GET"],
  authLevel: "anonymous", // open: a probe has no token
  handler: openEndpoint(() => Promise.resolve({ jsonBody: { live: true } })),
});
