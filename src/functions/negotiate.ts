import { app } from "@azure/functions";
import { endpoint } from "../lib/http/endpoint.js";
import { negotiate } from "../lib/use-cases/connect.js";

/** POST /api/v1/realtime/negotiate: where the caller's Socket.IO client connects, with a token for it. */
app.http("negotiate", {
  route: "v1/realtime/negotiate",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({}, async ({ ports, caller }) => ({ jsonBody: await negotiate(ports, caller) })),
});
