import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { retainMessage } from "../lib/use-cases/retain-message.js";

/** Moves texts that all have agreed to keep: their new deadline is armed, the log tells of it. */
app.serviceBusQueue("retainMessage", {
  queueName: "retained-messages",
  connection: "SERVICE_BUS",
  handler: queueHandler("move", ({ ports, body, attempts, trace }) => retainMessage(ports, body, attempts, trace)),
});
