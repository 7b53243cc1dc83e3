import { app } from "@azure/functions";
import { Join } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { join } from "../lib/use-cases/connect.js";

/** POST /api/v1/realtime/join: puts the caller's socket into the rooms of the caller's conversations. */
app.http("join", {
  route: "v1/realtime/join",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ body: Join }, async ({ ports, caller, body }) => ({
    jsonBody: await join(ports, caller, body.socketId),
  })),
});
