/** People who chat with a stack under test: the client of `client/` for what people do, bare requests for what they should not. */
import { WebPubSubServiceClient } from "@azure/web-pubsub";
import { io } from "socket.io-client";
import { v7 as uuidv7 } from "uuid";
import { ChatClient, type ChatListener } from "../../client/chat-client.js";
import { checkedFetch, checkEvent } from "./contracts.js";
import type { Stack } from "./stack.js";
import { authorityOf, fetchTrusting } from "./trust.js";

export const newId = (): string => uuidv7();

/** A chat client for `user`; not connected yet. */
export async function person(
  stack: Stack,
  user: string,
  listener: ChatListener = {},
  transports: readonly ("polling" | "websocket")[] = ["websocket"],
): Promise<ChatClient> {
  // The tests move the clock by days.
  const token = await stack.token(user, [], { expiresIn: 40 * 86_400 });
  const ca = authorityOf(stack);
  return new ChatClient(
    {
      ...{ baseUrl: stack.info.functions, token: () => Promise.resolve(token), newId, transports },
      fetch: ca === undefined ? checkedFetch : fetchTrusting(ca, checkedFetch),
      io: (url, options) => {
        const socket = io(url, ca === undefined ? options : { ...options, ca });
        socket.onAny(checkEvent);
        return socket;
      },
    },
    listener,
  );
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** One request as a program might send it, right or wrong. A string body goes as it is. */
export async function request(
  stack: Stack,
  method: string,
  path: string,
  { token, body, headers = {} }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await checkedFetch(`${stack.info.functions}/api/${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

/** Resolves as soon as `holds` does; asks again whenever `changed` is called. For listeners that fill an array. */
export class Watch {
  readonly #waiting = new Set<() => void>();

  readonly changed = (): void => {
    for (const check of [...this.#waiting]) check();
  };

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }
}

/** All messages of a conversation as its list has them, oldest first. */
export async function wholeList(
  client: ChatClient,
  conversationId: string,
): Promise<readonly { id: string; seq: number; text: string }[]> {
  const items: { id: string; seq: number; text: string }[] = [];
  for (let cursor: string | undefined, more = true; more;) {
    const page = await client.api.messages(conversationId, { limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items.map(({ id, seq = 0, text = "" }) => ({ id, seq, text })));
    cursor = page.nextCursor;
    more = cursor !== undefined;
  }
  return items.reverse();
}

/** Puts a user's sockets into a conversation's room behind the functions' back, as an overlapping join would. */
export async function addToRoom(stack: Stack, conversationId: string, user: string): Promise<void> {
  const service = new WebPubSubServiceClient(stack.info.webPubSub, "chat", { allowInsecureConnection: true });
  const base64url = (text: string): string => Buffer.from(text).toString("base64url");
  await service.addConnectionsToGroups(
    [`0~${base64url("/")}~${base64url(`conversation:${conversationId}`)}`],
    `userId eq '${user}'`,
  );
}
