import { app } from "@azure/functions";
import { FailurePath } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { endFailureFor } from "../lib/use-cases/read-failures.js";

/** POST /api/ops/failures/{failure}/discard: drops it. */
app.http("discardFailure", {
  route: "ops/failures/{failure}/discard",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ path: FailurePath }, async ({ ports, caller, path, trace }) => ({
    status: 202,
    jsonBody: await endFailureFor(ports, caller, path.failure, "discarded", trace),
  })),
});
