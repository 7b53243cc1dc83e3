import { app } from "@azure/functions";
import { openEndpoint } from "../lib/http/endpoint.js";
import { services } from "../lib/services.js";
import { checkHealth } from "../lib/use-cases/check-health.js";

/** GET /api/health/ready: everything that the backend needs answers; 503 names what does not. */
app.http("healthReady", {
  route: "health/ready",
  methods: ["GET"],
  authLevel: "anonymous", // open: a probe has no token
  handler: openEndpoint(async () => {
    const { dependencies } = await services();
    const readiness = await checkHealth(dependencies);
    return { status: readiness.ready ? 200 : 503, jsonBody: readiness };
  }),
});
