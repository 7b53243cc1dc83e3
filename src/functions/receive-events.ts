import { app } from "@azure/functions";
import { openEndpoint } from "../lib/http/endpoint.js";
import { answerEvent } from "../lib/http/answer-event.js";
import { services } from "../lib/services.js";
import { within } from "../lib/within.js";

/** Far more than a `file.close` has. */
const MAX_EVENT_BYTES = 64 * 1024;

/** OPTIONS, POST /api/webpubsub/events: what Web PubSub tells of sockets, where the hub is configured to. */
app.http("receiveEvents", {
  route: "webpubsub/events",
  methods: ["OPTIONS", "POST"],
  authLevel: "anonymous", // the service signs, or brings a token of its own
  handler: openEndpoint(async (request, context, trace) => {
    const { ports, upstream } = await services();
    if (request.method === "OPTIONS") return upstream.allow(request);
    const event = await upstream.verified(request);
    // What is larger is none of the events that are acted on.
    const payload = Number(request.headers.get("content-length") ?? 0) > MAX_EVENT_BYTES ? "" : await request.text();
    return answerEvent(within(ports, trace), event, payload, { context, trace });
  }),
});
