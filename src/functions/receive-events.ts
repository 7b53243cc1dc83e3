import { app } from "@azure/functions";
import { openEndpoint } from "../lib/http/endpoint.js";
import { answerEvent } from "../lib/http/answer-event.js";
import { services } from "../lib/services.js";

/** OPTIONS, POST /api/webpubsub/events: what Web PubSub tells of sockets, where the hub is configured to. */
app.http("receiveEvents", {
  route: "webpubsub/events",
  methods: ["OPTIONS", "POST"],
  authLevel: "anonymous", // the service signs, or brings a token of its own
  handler: openEndpoint(async (request, context) => {
    const { ports, upstream } = await services();
    if (request.method === "OPTIONS") return upstream.allow(request);
    const event = await upstream.verified(request);
    return answerEvent(ports, event, await request.text(), context);
  }),
});
