import { app } from "@azure/functions";
import { AuditQuery } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { listReports } from "../lib/use-cases/report-message.js";

/** GET /api/ops/reports?limit&cursor: messages that members have reported. */
app.http("listReports", {
  route: "ops/reports",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ query: AuditQuery }, async ({ ports, query }) => ({
    jsonBody: await listReports(ports, query),
  })),
});
