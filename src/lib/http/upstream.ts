/**
 * Events that Web PubSub sends upstream: CloudEvents over HTTP, in binary form, with validation first (CloudEvents, HTTP web hooks,
 * section 4; learn.microsoft.com, reference-cloud-events and socket-io-serverless-protocol).
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import type { Config } from "../config.js";
import { isUser } from "../domain/user.js";
import { DayflyError } from "../errors.js";
import { authenticator } from "./authenticate.js";

export interface UpstreamEvent {
  /** `azure.webpubsub.sys.connected`, `azure.webpubsub.user.<event>` … */
  readonly type: string;
  readonly socketId: string;
  readonly user: string | undefined;
}

export interface Upstream {
  /** Answers the question whether events may be sent here. */
  allow(request: HttpRequest): HttpResponseInit;
  /** Who it came from, and about which socket. @throws token-missing, token-invalid for what does not come from Web PubSub */
  verified(request: HttpRequest): Promise<UpstreamEvent>;
}

export function upstreamOf(config: Config): Upstream {
  const host = hostOf(config);
  const prove = proofOf(config);
  return {
    allow: ({ headers }) => {
      const origins = (headers.get("webhook-request-origin") ?? "").split(",").map((origin) => origin.trim());
      const origin = origins.find((each) => each.toLowerCase() === host);
      return origin === undefined ? { status: 400 } : { status: 200, headers: { "webhook-allowed-origin": origin } };
    },
    verified: async (request) => {
      await prove(request);
      const { headers } = request;
      const user = headers.get("ce-userid");
      return {
        type: headers.get("ce-type") ?? "",
        socketId: headers.get("ce-socketid") ?? "",
        // Nobody else can have negotiated.
        user: user !== null && isUser(user) ? user : undefined,
      };
    },
  };
}

type Prove = (request: HttpRequest) => Promise<unknown>;

/** With an access key the service signs with it; with an identity it brings a token of its own. */
function proofOf(config: Config): Prove {
  const key = /(?:^|;)AccessKey=([^;]+)/i.exec(config.WEB_PUBSUB ?? "")?.[1];
  if (key !== undefined) {
    return ({ headers }) => {
      requireSignature(headers, key);
      return Promise.resolve();
    };
  }
  const { EVENTS_ISSUER: issuer, EVENTS_AUDIENCE: audience, EVENTS_PRINCIPAL: principal } = config;
  if (issuer === undefined || audience === undefined || principal === undefined) {
    // Nothing could prove it: nothing is taken.
    return () => Promise.reject(invalid("Upstream events are not configured."));
  }
  const authenticate = authenticator({ issuer, audience, userClaim: "oid", rolesClaim: "roles" });
  return async ({ headers }) => {
    const { user } = await authenticate(headers.get("authorization"));
    if (user !== principal) throw invalid("The token is not that of this hub's Web PubSub.");
  };
}

/** One signature for each of the service's keys, of the connection's id. */
function requireSignature(headers: HttpRequest["headers"], key: string): void {
  const given = headers.get("ce-signature");
  if (given === null) throw new DayflyError("token-missing");
  const expected = createHmac("sha256", key)
    .update(headers.get("ce-connectionid") ?? "")
    .digest();
  const isOurs = (signature: string): boolean => {
    const digest = Buffer.from(/^sha256=([0-9a-f]{64})$/i.exec(signature)?.[1] ?? "", "hex");
    return digest.length === expected.length && timingSafeEqual(digest, expected);
  };
  if (!given.split(/[,\s]+/).some(isOurs)) throw invalid("The event's signature is not Web PubSub's.");
}

const invalid = (detail: string): DayflyError => new DayflyError("token-invalid", { detail });

/** Host, and port where it is not the usual one, as the service names itself. */
function hostOf(config: Config): string {
  const [, endpoint] = /(?:^|;)Endpoint=([^;]+)/i.exec(config.WEB_PUBSUB ?? "") ?? [];
  const url = new URL(endpoint ?? config.WEB_PUBSUB__endpoint ?? "");
  const [, port] = /(?:^|;)Port=(\d+)/i.exec(config.WEB_PUBSUB ?? "") ?? [];
  if (port !== undefined) url.port = port;
  return url.host.toLowerCase();
}

/** A Socket.IO event of the namespace `/`: `42["name",argument…]`, with an id between when an answer is waited for. */
export function parseUserEvent(
  payload: string,
): { readonly args: readonly unknown[]; readonly ack: string | undefined } | undefined {
  const [, ack, json = ""] = /^42(\d+)?(\[.*)$/s.exec(payload) ?? [];
  try {
    const parsed: unknown = JSON.parse(json);
    if (!Array.isArray(parsed)) return undefined;
    // Id 0 is one, too.
    return { args: parsed.slice(1) as unknown[], ack };
  } catch {
    return undefined;
  }
}

/** What goes back to the client as it is: an acknowledgement, or nothing where none is waited for. */
export const acknowledgement = (ack: string | undefined, answer: unknown): HttpResponseInit =>
  ack === undefined
    ? { status: 204 }
    : { status: 200, headers: { "content-type": "text/plain" }, body: `43${ack}${JSON.stringify([answer])}` };
