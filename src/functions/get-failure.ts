import { app } from "@azure/functions";
import { FailurePath, FailureQuery } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { getFailure } from "../lib/use-cases/read-failures.js";

/** GET /api/ops/failures/{failure}?content: one failure; its content only when asked for, which is audited. */
app.http("getFailure", {
  route: "ops/failures/{failure}",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint(
    { path: FailurePath, query: FailureQuery },
    async ({ ports, caller, path, query, trace }) => ({
      jsonBody: await getFailure(ports, caller, path.failure, { withContent: query.content === "true", trace }),
    }),
  ),
});
