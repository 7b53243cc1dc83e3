import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { reviveText } from "../lib/use-cases/revive-text.js";

/** Empties the dead-letter queue of the texts: each is expired, sent again or a failure. */
app.serviceBusQueue("reviveText", {
  queueName: "text-messages/$deadletterqueue",
  connection: "SERVICE_BUS",
  handler: queueHandler("dead-text", ({ ports, body, attempts, trace }) => reviveText(ports, body, attempts, trace)),
});
