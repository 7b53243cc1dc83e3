import { app } from "@azure/functions";
import { queueHandler } from "../lib/queue/queue-handler.js";
import { meetDeadline } from "../lib/use-cases/meet-deadline.js";

/** Does what is due: expires texts, takes out sockets, announces what could not be published. */
app.serviceBusQueue("meetDeadline", {
  queueName: "deadlines",
  connection: "SERVICE_BUS",
  handler: queueHandler("deadline", ({ ports, body, attempts, trace }) => meetDeadline(ports, body, attempts, trace)),
});
