import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { failDeadClosing } from "../lib/use-cases/settle-file.js";

/** Empties the dead-letter queue of the closed files: each becomes a failure that an operator can redrive. */
app.serviceBusQueue("failClosedFile", {
  queueName: "url-closed/$deadletterqueue",
  connection: "SERVICE_BUS",
  handler: queueHandler("dead-closed", ({ ports, ...call }) => failDeadClosing(ports, call)),
});
