import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { deliverFile } from "../lib/use-cases/deliver-file.js";

/** Delivers files that are complete and scanned: one conversation in order, many at once. */
app.serviceBusQueue("deliverFile", {
  queueName: "file-messages",
  connection: "SERVICE_BUS",
  isSessionsEnabled: true,
  handler: queueHandler("file", ({ ports, body, attempts, trace }) => deliverFile(ports, body, attempts, trace)),
});
