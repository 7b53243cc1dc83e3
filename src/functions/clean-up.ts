import { app } from "@azure/functions";
import { timerHandler } from "../lib/timer/timer-handler.js";
import { cleanUp } from "../lib/use-cases/clean-up.js";

/** Forgets what messages have left behind that ended 30 days ago. */
app.timer("cleanUp", {
  schedule: "%CLEAN_UP_SCHEDULE%",
  handler: timerHandler("clean-up", ({ ports }) => cleanUp(ports)),
});
