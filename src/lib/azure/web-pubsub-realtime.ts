/**
 * Web PubSub for Socket.IO, serverless mode: its REST API with Socket.IO packets as text. A room is a group whose name
 * holds namespace and room in base64url (learn.microsoft.com, socket-io-serverless-protocol).
 */
import { odata, WebPubSubServiceClient } from "@azure/web-pubsub";
import type { Config } from "../config.js";
import type { Realtime } from "../ports.js";
import { SpanKind, idAttributes, inSpan, type SpanOptions } from "../spans.js";
import { identityOf } from "./credential.js";
import { calling } from "./transient.js";

const TOKEN_MINUTES = 60;
const LONGEST_SEND_MS = 2_000;

const base64url = (text: string): string => Buffer.from(text, "utf8").toString("base64url");
/** The group behind a room of the namespace `/`. Every socket has a room that is named by its id. */
const groupOf = (room: string): string => `0~${base64url("/")}~${base64url(room)}`;
const conversationGroup = (conversationId: string): string => groupOf(`conversation:${conversationId}`);

/** Engine.IO message (4), Socket.IO event (2), namespace `/`. */
const packetOf = (name: string, event: unknown): string => `42${JSON.stringify([name, event])}`;

/** OpenTelemetry has no name for this service. */
const spanOf = (hub: string, name: string, event: unknown): Omit<SpanOptions, "parent"> => ({
  name: `publish ${name}`,
  kind: SpanKind.PRODUCER,
  attributes: {
    "messaging.system": "webpubsub",
    "messaging.operation.name": "publish",
    "messaging.operation.type": "send",
    "messaging.destination.name": hub,
    ...idAttributes(event),
  },
});

export interface WebPubSubRealtime extends Realtime {
  /** Resolves when the service answers. */
  probe(): Promise<void>;
}

export async function webPubSubRealtime(config: Config, now: () => number): Promise<WebPubSubRealtime> {
  const hub = config.WEB_PUBSUB_HUB;
  // One retry of its own: an event that comes late is worse than one that a client fetches. A service that says when to come
  // back is obeyed by the client however long that is, so a call has an end as well.
  const retryOptions = { maxRetries: 1, retryDelayInMs: 100 };
  const client =
    config.WEB_PUBSUB !== undefined
      ? new WebPubSubServiceClient(config.WEB_PUBSUB, hub, {
          retryOptions,
          allowInsecureConnection: /(^|;)Endpoint=http:/i.test(config.WEB_PUBSUB),
        })
      : new WebPubSubServiceClient(String(config.WEB_PUBSUB__endpoint), await identityOf(config), hub, {
          retryOptions,
        });

  const callingService = <Result>(call: () => Promise<Result>): Promise<Result> => calling("Web PubSub", call);
  const socketOfUser = (user: string, socketId: string): string =>
    odata`userId eq ${user} and ${groupOf(socketId)} in groups`;

  return {
    negotiate: (user) =>
      callingService(async () => {
        const expiresAt = now() + TOKEN_MINUTES * 60_000;
        const { baseUrl, token } = await client.getClientAccessToken({
          clientProtocol: "socketio",
          userId: user,
          expirationTimeInMinutes: TOKEN_MINUTES,
        });
        // It names the WebSocket's address; socket.io-client in a browser starts with http.
        const url = new URL(baseUrl.replace(/^ws/, "http"));
        return { endpoint: url.origin, path: url.pathname, token, expiresAt: new Date(expiresAt).toISOString() };
      }),

    publish: (name, event, { onlyTo, everywhere, trace } = {}) =>
      inSpan({ ...spanOf(hub, name, event), parent: trace }, (own) =>
        callingService(() =>
          (everywhere ? client : client.group(conversationGroup(event.conversationId))).sendToAll(
            packetOf(name, own === undefined ? event : { ...event, traceparent: own }),
            {
              // Without it the client would send the packet as a JSON text, and nobody would understand it.
              contentType: "text/plain",
              abortSignal: AbortSignal.timeout(LONGEST_SEND_MS),
              ...(onlyTo === undefined ? {} : { filter: odata`userId eq ${onlyTo}` }),
              ...(own === undefined ? {} : { requestOptions: { customHeaders: { traceparent: own } } }),
            },
          ),
        ),
      ),

    admit: (conversationId, users) =>
      callingService(() =>
        client.addConnectionsToGroups(
          [conversationGroup(conversationId)],
          users.map((user) => odata`userId eq ${user}`).join(" or "),
        ),
      ),

    evict: (conversationId, user) =>
      callingService(() =>
        client.removeConnectionsFromGroups([conversationGroup(conversationId)], odata`userId eq ${user}`),
      ),

    disconnect: (user) => callingService(() => client.closeUserConnections(user, { reason: "erased" })),

    joinSocket: (user, socketId, conversationIds) =>
      callingService(async () => {
        if (conversationIds.length === 0) return;
        await client.addConnectionsToGroups(conversationIds.map(conversationGroup), socketOfUser(user, socketId));
      }),

    leaveSocket: (user, socketId, conversationIds) =>
      callingService(async () => {
        if (conversationIds.length === 0) return;
        await client.removeConnectionsFromGroups(conversationIds.map(conversationGroup), socketOfUser(user, socketId));
      }),

    probe: () =>
      callingService(async () => {
        await client.groupExists(groupOf("probe"));
      }),
  };
}
