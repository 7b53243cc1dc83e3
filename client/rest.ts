/** The REST API as functions: one request, one typed answer, one error. */
import type {
  ChangesShape,
  CloseShape,
  ConsentResultShape,
  ConversationShape,
  DeliveryShape,
  ErasureShape,
  FileShape,
  HeartbeatShape,
  MessageShape,
  NegotiationShape,
  PageShape,
  PresenceShape,
  ReportShape,
  SyncShape,
  UploadShape,
  ViewShape,
} from "../src/lib/contracts/shapes.js";

/** An answer that is a problem (RFC 9457). `code` is stable: see docs/errors.md. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
  readonly retryAfterMs: number | undefined;

  constructor(status: number, body: Record<string, unknown>, retryAfter: string | null) {
    const text = [body["detail"], body["title"], `HTTP ${String(status)}`].find((part) => typeof part === "string");
    super(text);
    this.status = status;
    this.code = typeof body["code"] === "string" ? body["code"] : "";
    this.errors = Array.isArray(body["errors"]) ? (body["errors"] as ProblemError["errors"]) : [];
    this.retryAfterMs = retryAfter === null ? undefined : Number(retryAfter) * 1000;
  }
}

export interface RestOptions {
  /** Where the functions are: `https://…`, without `/api`. */
  readonly baseUrl: string;
  /**
   * Signs in: a bearer token, asked for at each request, so keep it as long as it is good. With `rejected` the server has just
   * refused the one that it gave: get a new one.
   */
  readonly token: (why?: "rejected") => Promise<string>;
  /** The platform's own unless given. */
  readonly fetch?: typeof fetch;
}

export interface FileInput {
  readonly id?: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly contentType: string;
  /** SHA-256, hexadecimal. */
  readonly sha256?: string;
  readonly deleteWhen?: "first-close" | "all-recipients-closed";
}

/** Which view of which file. */
export interface ViewName {
  readonly conversationId: string;
  readonly fileId: string;
  readonly viewId: string;
}

export interface Rest {
  createConversation(input: {
    readonly id?: string;
    readonly members: readonly string[];
    readonly title?: string;
  }): Promise<ConversationShape>;
  conversation(id: string): Promise<ConversationShape>;
  conversations(cursor?: string): Promise<PageShape<ConversationShape>>;
  addMember(conversationId: string, user: string): Promise<void>;
  removeMember(conversationId: string, user: string): Promise<void>;
  /** Sends a text, or at `sendAt` (ISO 8601) has it sent. */
  send(
    conversationId: string,
    input: { readonly text: string; readonly id?: string; readonly replyTo?: string; readonly sendAt?: string },
  ): Promise<MessageShape>;
  /** The caller's own texts that wait for their time. */
  scheduled(conversationId: string, cursor?: string): Promise<PageShape<MessageShape>>;
  changeScheduled(
    conversationId: string,
    id: string,
    change: { readonly text?: string; readonly sendAt?: string },
  ): Promise<MessageShape>;
  cancelScheduled(conversationId: string, id: string): Promise<void>;
  sendScheduled(conversationId: string, id: string): Promise<MessageShape>;
  messages(
    conversationId: string,
    page?: { readonly limit?: number; readonly cursor?: string },
  ): Promise<PageShape<MessageShape>>;
  message(conversationId: string, id: string): Promise<MessageShape>;
  delivery(conversationId: string, id: string): Promise<DeliveryShape>;
  /** Announces a file; the answer says how to upload it. */
  createFile(conversationId: string, input: FileInput): Promise<UploadShape>;
  /** Has what was uploaded checked, and sent. */
  completeFile(conversationId: string, id: string): Promise<MessageShape>;
  file(conversationId: string, id: string): Promise<FileShape>;
  /** Opens a file, once; the same `key` again answers the same view. */
  openView(
    conversationId: string,
    id: string,
    options?: { readonly key?: string; readonly socketId?: string },
  ): Promise<ViewShape>;
  heartbeat(view: ViewName, options?: { readonly socketId?: string }): Promise<HeartbeatShape>;
  closeView(view: ViewName, options?: { readonly reason?: "closed" | "navigated" }): Promise<CloseShape>;
  /** Where a beacon goes that closes the view. */
  closeAddress(view: ViewName): string;
  /** Asks to keep a text, or agrees to it; `edits` says which one: `edited.times`, 0 unless given. */
  consent(conversationId: string, id: string, seen?: { readonly edits?: number }): Promise<MessageShape>;
  /** Withdraws the consent, or declines. */
  withdrawConsent(conversationId: string, id: string): Promise<MessageShape>;
  consents(
    conversationId: string,
    range: { readonly fromSeq: number; readonly toSeq: number },
  ): Promise<{ readonly items: readonly ConsentResultShape[] }>;
  changes(conversationId: string, after: number, limit?: number): Promise<ChangesShape>;
  sync(heads: Readonly<Record<string, number>>): Promise<SyncShape>;
  /** Changes what a text says, unless it says something else than the caller has seen (`edits`: `edited.times`). */
  edit(
    conversationId: string,
    id: string,
    change: { readonly text: string; readonly edits?: number },
  ): Promise<MessageShape>;
  /** Takes a message of the caller's back. */
  unsend(conversationId: string, id: string): Promise<void>;
  typing(conversationId: string): Promise<void>;
  presence(conversationId: string, state: "here" | "away"): Promise<PresenceShape>;
  receipts(conversationId: string, marks: { readonly deliveredSeq?: number; readonly readSeq?: number }): Promise<void>;
  /** Reports a message; `text` is what it said, if the caller still has it: it is compared, and not kept. */
  report(
    conversationId: string,
    id: string,
    report: { readonly reason: ReportShape["reason"]; readonly text?: string; readonly sha256?: string },
  ): Promise<ReportShape>;
  /** Erases the caller's account; `erasure` says how far that is. */
  eraseMe(): Promise<ErasureShape>;
  erasure(): Promise<ErasureShape>;
  negotiate(): Promise<NegotiationShape>;
  join(socketId: string): Promise<{ readonly conversations: readonly string[] }>;
}

/** @throws ProblemError for every answer that is one; whatever `fetch` throws when there is no answer */
export function rest({ baseUrl, token, fetch: ask = fetch }: RestOptions): Rest {
  const addressOf = (path: string): string => `${baseUrl}/api/v1/${path}`;
  const request = (
    method: string,
    path: string,
    { body, headers = {} }: { readonly body: unknown; readonly headers?: Readonly<Record<string, string>> | undefined },
    bearer: string,
  ): Promise<Response> =>
    ask(addressOf(path), {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  async function call<Answer>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const content = { body, headers };
    const bearer = await token();
    let response = await request(method, path, content, bearer);
    if (response.status === 401) {
      // It may have expired since it was given: once more with another, if there is one.
      const other = await token("rejected");
      if (other !== bearer) response = await request(method, path, content, other);
    }
    const text = await response.text();
    if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as Answer;
    throw new ProblemError(response.status, problemIn(text), response.headers.get("retry-after"));
  }

  const segment = encodeURIComponent;
  const query = (values: Readonly<Record<string, string | number | undefined>>): string => {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value !== undefined) given.set(name, String(value));
    return given.size === 0 ? "" : `?${given.toString()}`;
  };
  const conversation = (id: string): string => `conversations/${segment(id)}`;
  const message = (conversationId: string, id: string): string =>
    `${conversation(conversationId)}/messages/${segment(id)}`;
  const scheduled = (conversationId: string, id: string): string =>
    `${conversation(conversationId)}/scheduled/${segment(id)}`;
  const file = (conversationId: string, id: string): string => `${conversation(conversationId)}/files/${segment(id)}`;
  const view = ({ conversationId, fileId, viewId }: ViewName): string =>
    `${file(conversationId, fileId)}/views/${segment(viewId)}`;
  const member = (conversationId: string, user: string): string =>
    `${conversation(conversationId)}/members/${segment(user)}`;

  return {
    createConversation: (input) => call("POST", "conversations", input),
    conversation: (id) => call("GET", conversation(id)),
    conversations: (cursor) => call("GET", `conversations${query({ cursor })}`),
    addMember: (conversationId, user) => call("PUT", member(conversationId, user)),
    removeMember: (conversationId, user) => call("DELETE", member(conversationId, user)),
    send: (conversationId, input) => call("POST", `${conversation(conversationId)}/messages`, input),
    scheduled: (conversationId, cursor) => call("GET", `${conversation(conversationId)}/scheduled${query({ cursor })}`),
    changeScheduled: (conversationId, id, change) => call("PATCH", scheduled(conversationId, id), change),
    cancelScheduled: (conversationId, id) => call("DELETE", scheduled(conversationId, id)),
    sendScheduled: (conversationId, id) => call("POST", `${scheduled(conversationId, id)}/send`),
    messages: (conversationId, page = {}) =>
      call("GET", `${conversation(conversationId)}/messages${query({ ...page })}`),
    message: (conversationId, id) => call("GET", message(conversationId, id)),
    delivery: (conversationId, id) => call("GET", `${message(conversationId, id)}/delivery`),
    createFile: (conversationId, input) => call("POST", `${conversation(conversationId)}/files`, input),
    completeFile: (conversationId, id) => call("POST", `${file(conversationId, id)}/complete`),
    file: (conversationId, id) => call("GET", file(conversationId, id)),
    openView: (conversationId, id, { key, socketId } = {}) =>
      call(
        "POST",
        `${file(conversationId, id)}/views`,
        socketId === undefined ? {} : { socketId },
        key === undefined ? {} : { "idempotency-key": key },
      ),
    heartbeat: (name, { socketId } = {}) =>
      call("POST", `${view(name)}/heartbeat`, socketId === undefined ? {} : { socketId }),
    closeView: (name, options = {}) => call("POST", `${view(name)}/close`, options),
    closeAddress: (name) => addressOf(`${view(name)}/close`),
    consent: (conversationId, id, seen) => call("PUT", `${message(conversationId, id)}/consent`, seen),
    withdrawConsent: (conversationId, id) => call("DELETE", `${message(conversationId, id)}/consent`),
    consents: (conversationId, range) => call("POST", `${conversation(conversationId)}/consents`, range),
    changes: (conversationId, after, limit) =>
      call("GET", `${conversation(conversationId)}/changes${query({ after, limit })}`),
    sync: (heads) => call("POST", "sync", { heads }),
    edit: (conversationId, id, change) => call("PATCH", message(conversationId, id), change),
    unsend: (conversationId, id) => call("DELETE", message(conversationId, id)),
    typing: (conversationId) => call("POST", `${conversation(conversationId)}/typing`),
    presence: (conversationId, state) => call("POST", `${conversation(conversationId)}/presence`, { state }),
    receipts: (conversationId, marks) => call("POST", `${conversation(conversationId)}/receipts`, marks),
    report: (conversationId, id, report) => call("POST", `${message(conversationId, id)}/reports`, report),
    eraseMe: () => call("DELETE", "me"),
    erasure: () => call("GET", "me/erasure"),
    negotiate: () => call("POST", "realtime/negotiate"),
    join: (socketId) => call("POST", "realtime/join", { socketId }),
  };
}

/** A gateway's or the host's own error has no problem in it. */
function problemIn(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
