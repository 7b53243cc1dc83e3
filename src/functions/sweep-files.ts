import { app } from "@azure/functions";
import { services } from "../lib/services.js";
import { sweepFiles } from "../lib/use-cases/sweep-files.js";

/** Finds blobs that belong to no file, files whose blob is gone, and files whose end was missed. */
app.timer("sweepFiles", {
  schedule: "%FILE_SWEEP_SCHEDULE%",
  handler: async (_timer, context) => {
    const { ports } = await services();
    const run = await sweepFiles(ports, context.traceContext?.traceParent);
    context.log(JSON.stringify({ subject: "sweep-files", ...run }));
  },
});
