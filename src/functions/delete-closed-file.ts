import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { deleteClosedFile } from "../lib/use-cases/settle-file.js";

/** Deletes files that their readers have closed. */
app.serviceBusQueue("deleteClosedFile", {
  queueName: "url-closed",
  connection: "SERVICE_BUS",
  handler: queueHandler("closed", ({ ports, body, attempts, trace }) => deleteClosedFile(ports, body, attempts, trace)),
});
