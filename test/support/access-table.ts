/**
 * Who may do what: one row for each HTTP function. `docs/access.md` shows it, a unit test compares the two and the functions
 * that there are, and `test/integration/access-table.test.ts` asks the running system.
 */

/** Who asks, as seen from the conversation. The author is its owner, too; the operator has the role and is no member. */
export const RELATIONS = ["nobody", "stranger", "former", "member", "author", "operator"] as const;
export type Relation = (typeof RELATIONS)[number];

export interface AccessRow {
  /** The function's name. */
  readonly name: string;
  readonly method: string;
  /** Its route; what is in braces is filled in by the test. */
  readonly route: string;
  readonly body?: unknown;
  readonly query?: string;
  /** The status that each gets. */
  readonly answers: Readonly<Record<Relation, number>>;
}

const anybody = (status: number): AccessRow["answers"] => every(status, status, status, status, status, status);
const signedIn = (status: number): AccessRow["answers"] => every(401, status, status, status, status, status);
/** Who is not a member gets what an unknown conversation gives. */
const members = (member: number, author = member): AccessRow["answers"] => every(401, 404, 404, member, author, 404);
const operators = (status: number): AccessRow["answers"] => every(401, 403, 403, 403, 403, status);

function every(...statuses: readonly [number, number, number, number, number, number]): AccessRow["answers"] {
  const [nobody, stranger, former, member, author, operator] = statuses;
  return { nobody, stranger, former, member, author, operator };
}

const CONVERSATION = "v1/conversations/{conversation}";
const MESSAGE = `${CONVERSATION}/messages/{message}`;
const FILE = `${CONVERSATION}/files/{file}`;

export const ACCESS: readonly AccessRow[] = [
  { name: "healthLive", method: "GET", route: "health/live", answers: anybody(200) },
  { name: "getOpenapi", method: "GET", route: "openapi.json", answers: anybody(200) },
  { name: "getAsyncapi", method: "GET", route: "asyncapi.json", answers: anybody(200) },
  { name: "healthReady", method: "GET", route: "health/ready", answers: anybody(200) },

  { name: "negotiate", method: "POST", route: "v1/realtime/negotiate", answers: signedIn(200) },
  { name: "join", method: "POST", route: "v1/realtime/join", body: { socketId: "x" }, answers: signedIn(200) },
  {
    name: "createConversation",
    method: "POST",
    route: "v1/conversations",
    body: { members: ["zed"] },
    answers: signedIn(201),
  },
  { name: "listConversations", method: "GET", route: "v1/conversations", answers: signedIn(200) },
  { name: "sync", method: "POST", route: "v1/sync", body: { heads: {} }, answers: signedIn(200) },

  { name: "blockUser", method: "PUT", route: "v1/users/{user}/block", answers: signedIn(204) },
  { name: "unblockUser", method: "DELETE", route: "v1/users/{user}/block", answers: signedIn(204) },
  { name: "listBlocked", method: "GET", route: "v1/me/blocked", answers: signedIn(200) },
  { name: "exportMe", method: "GET", route: "v1/me/export", answers: signedIn(200) },

  { name: "getConversation", method: "GET", route: CONVERSATION, answers: members(200) },
  { name: "putMember", method: "PUT", route: `${CONVERSATION}/members/{user}`, answers: members(204) },
  // Others are removed by the owner alone.
  { name: "deleteMember", method: "DELETE", route: `${CONVERSATION}/members/{user}`, answers: members(403, 204) },
  { name: "listChanges", method: "GET", route: `${CONVERSATION}/changes`, answers: members(200) },
  {
    name: "postReceipts",
    method: "POST",
    route: `${CONVERSATION}/receipts`,
    body: { readSeq: 1 },
    answers: members(204),
  },

  {
    name: "sendMessage",
    method: "POST",
    route: `${CONVERSATION}/messages`,
    body: { text: "x" },
    answers: members(202),
  },
  { name: "listMessages", method: "GET", route: `${CONVERSATION}/messages`, answers: members(200) },
  { name: "getMessage", method: "GET", route: MESSAGE, answers: members(200) },
  // Only its author changes it; an edit is not said to who is no member.
  {
    ...{ name: "patchMessage", method: "PATCH", route: MESSAGE },
    ...{ body: { text: "y" }, answers: members(403, 200) },
  },
  { name: "deleteMessage", method: "DELETE", route: MESSAGE, answers: members(403, 204) },
  { name: "postTyping", method: "POST", route: `${CONVERSATION}/typing`, answers: members(204) },
  {
    ...{ name: "postPresence", method: "POST", route: `${CONVERSATION}/presence` },
    ...{ body: { state: "here" }, answers: members(200) },
  },
  { name: "getDelivery", method: "GET", route: `${MESSAGE}/delivery`, answers: members(404, 200) },
  { name: "putConsent", method: "PUT", route: `${MESSAGE}/consent`, answers: members(200) },
  { name: "deleteConsent", method: "DELETE", route: `${MESSAGE}/consent`, answers: members(200) },
  {
    ...{ name: "postConsents", method: "POST", route: `${CONVERSATION}/consents` },
    ...{ body: { fromSeq: 1, toSeq: 1 }, answers: members(200) },
  },

  // Nobody reports their own.
  {
    ...{ name: "reportMessage", method: "POST", route: `${MESSAGE}/reports` },
    ...{ body: { reason: "spam" }, answers: members(201, 403) },
  },

  // A waiting text is its author's alone.
  { name: "listScheduled", method: "GET", route: `${CONVERSATION}/scheduled`, answers: members(200) },
  {
    ...{ name: "patchScheduled", method: "PATCH", route: `${CONVERSATION}/scheduled/{message}` },
    ...{ body: { text: "y" }, answers: members(404, 200) },
  },
  {
    name: "deleteScheduled",
    method: "DELETE",
    route: `${CONVERSATION}/scheduled/{message}`,
    answers: members(404, 204),
  },
  {
    name: "sendScheduled",
    method: "POST",
    route: `${CONVERSATION}/scheduled/{message}/send`,
    answers: members(404, 202),
  },

  {
    ...{ name: "createFile", method: "POST", route: `${CONVERSATION}/files` },
    ...{ body: { name: "a.txt", size: 1, contentType: "text/plain" }, answers: members(201) },
  },
  { name: "completeFile", method: "POST", route: `${FILE}/complete`, answers: members(404, 202) },
  { name: "getFile", method: "GET", route: FILE, answers: members(200) },
  // Once a reader has opened it, its author may not look into it any more.
  { name: "openView", method: "POST", route: `${FILE}/views`, answers: members(201, 409) },
  // A view is its reader's alone.
  { name: "heartbeatView", method: "POST", route: `${FILE}/views/{view}/heartbeat`, answers: members(200, 404) },
  { name: "closeView", method: "POST", route: `${FILE}/views/{view}/close`, answers: members(202, 404) },
  // Its signature says that Web PubSub asks.
  { name: "receiveEvents", method: "OPTIONS", route: "webpubsub/events", answers: anybody(400) },
  { name: "receiveEvents", method: "POST", route: "webpubsub/events", answers: anybody(401) },

  { name: "listRuns", method: "GET", route: "ops/runs", answers: operators(200) },
  { name: "getStatus", method: "GET", route: "ops/status", answers: operators(200) },
  { name: "listAudit", method: "GET", route: "ops/audit", answers: operators(200) },
  {
    ...{ name: "getMessageLife", method: "GET", route: "ops/messages/{message}" },
    ...{ query: "?conversation={conversation}", answers: operators(200) },
  },
  { name: "listReports", method: "GET", route: "ops/reports", answers: operators(200) },
  {
    ...{ name: "verifyReport", method: "POST", route: "ops/reports/{report}/verify" },
    ...{ body: { text: "x" }, answers: operators(404) },
  },
  { name: "listFailures", method: "GET", route: "ops/failures", answers: operators(200) },
  { name: "getFailure", method: "GET", route: "ops/failures/{failure}", answers: operators(404) },
  { name: "redriveFailure", method: "POST", route: "ops/failures/{failure}/redrive", answers: operators(404) },
  { name: "discardFailure", method: "POST", route: "ops/failures/{failure}/discard", answers: operators(404) },
  {
    name: "redriveFailures",
    method: "POST",
    route: "ops/failures/redrive",
    body: { dryRun: true },
    answers: operators(200),
  },
  {
    name: "discardFailures",
    method: "POST",
    route: "ops/failures/discard",
    body: { dryRun: true },
    answers: operators(200),
  },
  { name: "getJob", method: "GET", route: "ops/jobs/{job}", answers: operators(404) },

  { name: "getErasure", method: "GET", route: "v1/me/erasure", answers: signedIn(404) },
  // The last one: after it nobody is a member any more.
  { name: "eraseMe", method: "DELETE", route: "v1/me", answers: signedIn(202) },
];

/** The table as docs/access.md has it. */
export function accessMarkdown(): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(["request", ...RELATIONS]),
    line(["---", ...RELATIONS.map(() => "---")]),
    ...ACCESS.map(({ method, route, answers }) =>
      line([`\`${method} ${route}\``, ...RELATIONS.map((relation) => answers[relation])]),
    ),
  ].join("\n");
}
