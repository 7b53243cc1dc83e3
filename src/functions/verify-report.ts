import { app } from "@azure/functions";
import { ReportPath, VerifyReport } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { verifyReport } from "../lib/use-cases/report-message.js";

/** POST /api/ops/reports/{report}/verify: whether a text that somebody shows is the reported one. */
app.http("verifyReport", {
  route: "ops/reports/{report}/verify",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ path: ReportPath, body: VerifyReport }, async ({ ports, caller, path, body, trace }) => ({
    jsonBody: await verifyReport(ports, caller, path.report, body, trace),
  })),
});
