import { app } from "@azure/functions";
import { openEndpoint } from "../lib/http/endpoint.js";

/** GET /api/asyncapi.json: the events of the socket, described. */
app.http("getAsyncapi", {
  route: "asyncapi.json",
  methods: ["GET"],
  authLevel: "anonymous", // open: it says nothing that the repository does not say
  handler: openEndpoint(async () => {
    // Only who asks pays for the schemas of the answers.
    const { asyncApi } = await import("../lib/contracts/describe.js");
    return { jsonBody: asyncApi() };
  }),
});
