import { app } from "@azure/functions";
import { FailuresJob } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { startFailuresJob } from "../lib/use-cases/run-job.js";

/** POST /api/ops/failures/redrive: the same for all that a filter finds, as a job. */
app.http("redriveFailures", {
  route: "ops/failures/redrive",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ body: FailuresJob }, async ({ ports, caller, body, trace }) => {
    const job = await startFailuresJob(ports, caller, "redriven", body, trace);
    if ("dryRun" in job) return { jsonBody: job };
    return { status: 202, headers: { location: `/api/ops/jobs/${job.id}` }, jsonBody: job };
  }),
});
