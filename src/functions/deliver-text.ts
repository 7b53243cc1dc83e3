import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { deliverText } from "../lib/use-cases/deliver-text.js";

/** Delivers texts: one conversation in order, many at once. */
app.serviceBusQueue("deliverText", {
  queueName: "text-messages",
  connection: "SERVICE_BUS",
  isSessionsEnabled: true,
  handler: queueHandler("text", ({ ports, body, attempts, trace }) => deliverText(ports, body, attempts, trace)),
});
