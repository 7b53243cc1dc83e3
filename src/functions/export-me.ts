import { app } from "@azure/functions";
import { Page } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { exportOwn } from "../lib/use-cases/export-own.js";

/** GET /api/v1/me/export?limit&cursor: what is kept of the caller, a page of conversations at a time. */
app.http("exportMe", {
  route: "v1/me/export",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ query: Page }, async ({ ports, caller, query }) => ({
    jsonBody: await exportOwn(ports, caller, query),
  })),
});
