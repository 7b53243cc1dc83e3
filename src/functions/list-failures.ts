import { app } from "@azure/functions";
import { FailuresQuery } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { listFailures } from "../lib/use-cases/read-failures.js";

/** GET /api/ops/failures?queue&reason&state&from&before&limit&cursor: what could not be processed, newest first. */
app.http("listFailures", {
  route: "ops/failures",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ query: FailuresQuery }, async ({ ports, query }) => ({
    jsonBody: await listFailures(ports, query),
  })),
});
