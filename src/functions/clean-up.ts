import { app } from "@azure/functions";
import { services } from "../lib/services.js";
import { cleanUp } from "../lib/use-cases/clean-up.js";

/** Forgets what messages have left behind that ended 30 days ago. */
app.timer("cleanUp", {
  schedule: "%CLEAN_UP_SCHEDULE%",
  handler: async (_timer, context) => {
    const { ports } = await services();
    const run = await cleanUp(ports);
    context.log(JSON.stringify({ subject: "clean-up", ...run }));
  },
});
