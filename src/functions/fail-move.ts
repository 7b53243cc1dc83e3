import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { failDeadMove } from "../lib/use-cases/retain-message.js";

/** Empties the dead-letter queue of the moves: each becomes a failure that an operator can redrive. */
app.serviceBusQueue("failMove", {
  queueName: "retained-messages/$deadletterqueue",
  connection: "SERVICE_BUS",
  handler: queueHandler("dead-move", ({ ports, ...call }) => failDeadMove(ports, call)),
});
