import { app } from "@azure/functions";
import { timerHandler } from "../lib/timer/timer-handler.js";
import { sweepFiles } from "../lib/use-cases/sweep-files.js";

/** Finds blobs that belong to no file, files whose blob is gone, and files whose end was missed. */
app.timer("sweepFiles", {
  schedule: "%FILE_SWEEP_SCHEDULE%",
  handler: timerHandler("sweep-files", ({ ports, trace }) => sweepFiles(ports, trace)),
});
