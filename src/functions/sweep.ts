import { app } from "@azure/functions";
import { timerHandler } from "../lib/timer/timer-handler.js";
import { sweep } from "../lib/use-cases/sweep.js";

/** Finds texts whose deadlines got lost, and sets them again. */
app.timer("sweep", {
  schedule: "%SWEEP_SCHEDULE%",
  handler: timerHandler("sweep", ({ ports, trace }) => sweep(ports, trace)),
});
