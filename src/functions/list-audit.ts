import { app } from "@azure/functions";
import { AuditQuery } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { listAudit } from "../lib/use-cases/read-audit.js";

/** GET /api/ops/audit?limit&cursor: who did what to which id, newest first. */
app.http("listAudit", {
  route: "ops/audit",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ query: AuditQuery }, async ({ ports, query }) => ({
    jsonBody: await listAudit(ports, query),
  })),
});
