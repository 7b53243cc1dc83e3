import { app } from "@azure/functions";
import { JobPath } from "../lib/contracts/operations.js";
import { operatorEndpoint } from "../lib/http/endpoint.js";
import { getJob } from "../lib/use-cases/run-job.js";

/** GET /api/ops/jobs/{job}: how far a job has come. */
app.http("getJob", {
  route: "ops/jobs/{job}",
  methods: ["GET"],
  authLevel: "anonymous", // callers carry a user token
  handler: operatorEndpoint({ path: JobPath }, async ({ ports, path }) => ({
    jsonBody: await getJob(ports, path.job),
  })),
});
