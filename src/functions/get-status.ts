import { app } from "@azure/functions";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { services } from "../lib/services.js";
import { readStatus } from "../lib/use-cases/read-status.js";

/** GET /api/ops/status: dependencies, what is parked, the last run of the sweeper, and this process's metrics. */
app.http("getStatus", {
  route: "ops/status",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({}, async ({ ports }) => {
    const { dependencies } = await services();
    return { jsonBody: await readStatus(ports, dependencies) };
  }),
});
