import { app } from "@azure/functions";
import { MessagePath, ReportMessage } from "../lib/contracts/http.js";
import { endpoint } from "../lib/http/endpoint.js";
import { reportMessage } from "../lib/use-cases/report-message.js";

/** POST /api/v1/conversations/{conversation}/messages/{message}/reports: reports a message to the operators. */
app.http("reportMessage", {
  route: "v1/conversations/{conversation}/messages/{message}/reports",
  methods: ["POST"],
  authLevel: "anonymous", // callers carry a user token
  handler: endpoint({ path: MessagePath, body: ReportMessage }, async ({ ports, caller, path, body }) => {
    const { created, report } = await reportMessage(ports, caller, path.conversation, path.message, body);
    return { status: created ? 201 : 200, jsonBody: report };
  }),
});
