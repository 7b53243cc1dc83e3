import { app } from "@azure/functions";
import { services } from "../lib/services.js";
import { sweep } from "../lib/use-cases/sweep.js";

/** Finds texts whose deadlines got lost, and sets them again. */
app.timer("sweep", {
  schedule: "%SWEEP_SCHEDULE%",
  handler: async (_timer, context) => {
    const { ports } = await services();
    const run = await sweep(ports, context.traceContext?.traceParent);
    context.log(JSON.stringify({ subject: "sweep", ...run }));
  },
});
