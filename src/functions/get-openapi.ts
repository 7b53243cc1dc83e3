import { app } from "@azure/functions";
import { openEndpoint } from "../lib/http/endpoint.js";

/** GET /api/openapi.json: the HTTP API, described. */
app.http("getOpenapi", {
  route: "openapi.json",
  methods: ["GET"],
  authLevel: "anonymous", // open: it says nothing that the repository does not say
  handler: openEndpoint(async () => {
    // Only who asks pays for the schemas of the answers.
    const { openApi } = await import("../lib/contracts/describe.js");
    return { jsonBody: openApi() };
  }),
});
