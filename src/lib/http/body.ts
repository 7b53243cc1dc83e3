/** The body of a request, as JSON. */
import type { HttpRequest } from "@azure/functions";
import { DayflyError } from "../errors.js";

/** Far more than any body of this API needs; what a member list of 90 long names takes is 12 KB. */
const MAX_BODY_BYTES = 64 * 1024;

const isJson = (type: string | undefined): boolean => type === "application/json" || type?.endsWith("+json") === true;

/**
 * @param mayBeText JSON declared as text is taken as well: what `navigator.sendBeacon` sends must be, or browsers would ask first
 * @throws body-missing, length-required, body-too-large, media-type-unsupported, body-not-json
 */
export async function jsonBody(request: HttpRequest, { mayBeText = false } = {}): Promise<unknown> {
  const { headers } = request;
  const declared = Number(headers.get("content-length") ?? Number.NaN);
  if (declared > MAX_BODY_BYTES) throw tooLarge();
  if (Number.isNaN(declared) && headers.has("transfer-encoding")) {
    // The Functions host hands over nothing of a chunked body, as if there had been none.
    throw new DayflyError("length-required", { detail: "Azure Functions drops a chunked body: send Content-Length." });
  }
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.length === 0) throw new DayflyError("body-missing", { errors: [{ pointer: "", detail: "is missing" }] });
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge();
  // RFC 9110, section 8.4.1: the status for a coding that is not supported.
  if ((headers.get("content-encoding") ?? "identity") !== "identity")
    throw new DayflyError("media-type-unsupported", { detail: "Send the body without a Content-Encoding." });
  if (!isJson(type) && !(mayBeText && type === "text/plain")) throw new DayflyError("media-type-unsupported");
  try {
    // Fatal: what is not UTF-8 must not become replacement characters in somebody's text.
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw new DayflyError("body-not-json", { errors: [{ pointer: "", detail: "is not JSON in UTF-8" }] });
  }
}

const tooLarge = (): DayflyError =>
  new DayflyError("body-too-large", {
    detail: `A body may have ${MAX_BODY_BYTES} bytes.`,
    errors: [{ pointer: "", detail: "is too large" }],
  });
