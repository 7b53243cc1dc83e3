import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { reviveFile } from "../lib/use-cases/deliver-file.js";

/** Empties the dead-letter queue of the files: each is refused, sent again or a failure. */
app.serviceBusQueue("reviveFile", {
  queueName: "file-messages/$deadletterqueue",
  connection: "SERVICE_BUS",
  handler: queueHandler("dead-file", ({ ports, ...call }) => reviveFile(ports, call)),
});
