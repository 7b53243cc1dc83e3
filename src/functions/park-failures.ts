import { app } from "@azure/functions";
import { timerHandler } from "../lib/timer/timer-handler.js";
import { checkHealth } from "../lib/use-cases/check-health.js";
import { parkFailures } from "../lib/use-cases/park-failures.js";

/** Has the queue `failed-messages` to itself: records and defers what comes, ends what is over, redrives what may pass now. */
app.timer("parkFailures", {
  schedule: "%PARK_SCHEDULE%",
  handler: timerHandler("failures", async ({ ports, dependencies }) => {
    const parking = await parkFailures(ports, async () => (await checkHealth(dependencies)).ready);
    return Object.values(parking).some((count: number) => count > 0) ? parking : undefined;
  }),
});
