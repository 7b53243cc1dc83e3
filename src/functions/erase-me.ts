import { app } from "@azure/functions";
import { endpoint } from "../lib/http/endpoint.js";
import { startErasure } from "../lib/use-cases/erase-account.js";

/** DELETE /api/v1/me: erases the caller's account, as a job. */
app.http("eraseMe", {
  route: "v1/me",
  methods: ["DELETE"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({}, async ({ ports, caller, trace }) => ({
    status: 202,
    headers: { location: "/api/v1/me/erasure" },
    jsonBody: await startErasure(ports, caller, trace),
  })),
});
