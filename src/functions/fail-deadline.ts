import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { failDeadDeadline } from "../lib/use-cases/meet-deadline.js";

/** Empties the dead-letter queue of the deadlines: each becomes a failure that an operator can redrive. */
app.serviceBusQueue("failDeadline", {
  queueName: "deadlines/$deadletterqueue",
  connection: "SERVICE_BUS",
  handler: queueHandler("dead-deadline", ({ ports, ...call }) => failDeadDeadline(ports, call)),
});
