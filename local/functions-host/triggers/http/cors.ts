/** CORS, which on Azure is the platform's and here is `Host.CORS` of local.settings.json. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HostSection } from "../../settings.js";
import { sendEmpty } from "./response.js";

/** Sets the headers for an allowed origin; answers a preflight, and then returns true. */
export function handleCors(request: IncomingMessage, response: ServerResponse, settings: HostSection): boolean {
  const { origin } = request.headers;
  if (settings.corsOrigins.length === 0 || origin === undefined) return false;
  const requested = request.headers["access-control-request-method"];
  const preflight = request.method === "OPTIONS" && requested !== undefined;
  const all = settings.corsOrigins.includes("*");
  if (all || settings.corsOrigins.includes(origin)) {
    response.setHeader("access-control-allow-origin", all && !settings.corsCredentials ? "*" : origin);
    if (!all || settings.corsCredentials) response.setHeader("vary", "Origin");
    if (settings.corsCredentials) response.setHeader("access-control-allow-credentials", "true");
    if (preflight) {
      response.setHeader("access-control-allow-methods", requested);
      const headers = request.headers["access-control-request-headers"];
      if (headers !== undefined) response.setHeader("access-control-allow-headers", headers);
    }
  }
  // As in ASP.NET Core, a preflight never reaches a function; without the headers the browser refuses by itself.
  if (preflight) sendEmpty(response, 204);
  return preflight;
}
