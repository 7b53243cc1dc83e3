import { app } from "@azure/functions";
import { Page } from "../lib/contracts/http.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { listRuns } from "../lib/use-cases/read-runs.js";

/** GET /api/ops/runs?limit&cursor: what the jobs have done, newest first. */
app.http("listRuns", {
  route: "ops/runs",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ query: Page }, async ({ ports, query }) => ({
    jsonBody: await listRuns(ports, query),
  })),
});
