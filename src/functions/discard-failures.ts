import { app } from "@azure/functions";
import { FailuresJob } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { startFailuresJob } from "../lib/use-cases/run-job.js";

/** POST /api/ops/failures/discard: the same for all that a filter finds, as a job. */
app.http("discardFailures", {
  route: "ops/failures/discard",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ body: FailuresJob }, async ({ ports, caller, body, trace }) => {
    const job = await startFailuresJob(ports, caller, "discarded", body, trace);
    if ("dryRun" in job) return { jsonBody: job };
    return { status: 202, headers: { location: `/api/ops/jobs/${job.id}` }, jsonBody: job };
  }),
});
