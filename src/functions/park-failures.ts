import { app } from "@azure/functions";
import { services } from "../lib/services.js";
import { checkHealth } from "../lib/use-cases/check-health.js";
import { parkFailures } from "../lib/use-cases/park-failures.js";

/** Has the queue `failed-messages` to itself: records and defers what comes, ends what is over, redrives what may pass now. */
app.timer("parkFailures", {
  schedule: "%PARK_SCHEDULE%",
  handler: async (_timer, context) => {
    const { ports, dependencies } = await services();
    const parking = await parkFailures(ports, async () => (await checkHealth(dependencies)).ready);
    if (Object.values(parking).some((count: number) => count > 0))
      context.log(JSON.stringify({ subject: "failures", ...parking }));
  },
});
