/** Every HTTP operation: what it takes, in the very schemas that check it, and what it answers. A test compares with the functions. */
import type { z } from "zod";
import * as answers from "./answers.js";
import * as http from "./http.js";
import * as operations from "./operations.js";

export interface Operation {
  /** The function's name. */
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/api/`. */
  readonly path: string;
  readonly summary: string;
  /** Who may call: anybody with a token, operators, anybody. */
  readonly access: "user" | "operator" | "open";
  readonly parameters?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** By status; undefined for an answer without a body. Problems come besides. */
  readonly answers: Readonly<Record<number, z.ZodType | undefined>>;
}

type Rest = Omit<Operation, "id" | "method" | "path" | "summary" | "access">;

const define =
  (access: Operation["access"], prefix: string) =>
  (id: string, route: `${Operation["method"]} ${string}`, summary: string, rest: Rest): Operation => {
    const [method, path] = route.split(" ") as [Operation["method"], string];
    return { id, method, path: `${prefix}${path}`, summary, access, ...rest };
  };
const user = define("user", "v1/");
const operator = define("operator", "ops/");
const open = define("open", "");

const CONVERSATION = "conversations/{conversation}";
const MESSAGE = `${CONVERSATION}/messages/{message}`;
const SCHEDULED = `${CONVERSATION}/scheduled/{message}`;
const conversation = http.ConversationPath;
const message = http.MessagePath;
const member = http.MemberPath;
const none = undefined;

const CHAT: readonly Operation[] = [
  user(
    "createConversation",
    "POST conversations",
    "Starts a conversation, or answers the one that this id has started.",
    {
      body: http.CreateConversation,
      answers: { 201: answers.Conversation, 200: answers.Conversation },
    },
  ),
  user("listConversations", "GET conversations", "The caller's conversations, newest first.", {
    query: http.Page,
    answers: { 200: answers.page(answers.Conversation) },
  }),
  user("getConversation", `GET ${CONVERSATION}`, "One conversation.", {
    parameters: conversation,
    answers: { 200: answers.Conversation },
  }),
  user("putMember", `PUT ${CONVERSATION}/members/{user}`, "Adds a member.", {
    parameters: member,
    answers: { 204: none },
  }),
  user("deleteMember", `DELETE ${CONVERSATION}/members/{user}`, "Removes a member, or leaves.", {
    parameters: member,
    answers: { 204: none },
  }),
  user("sendMessage", `POST ${CONVERSATION}/messages`, "Accepts a text, to be sent now or at `sendAt`.", {
    parameters: conversation,
    body: http.SendMessage,
    answers: { 202: answers.Message },
  }),
  user("listMessages", `GET ${CONVERSATION}/messages`, "What the caller can read, newest first.", {
    parameters: conversation,
    query: http.Page,
    answers: { 200: answers.page(answers.Message) },
  }),
  user("getMessage", `GET ${MESSAGE}`, "One message.", { parameters: message, answers: { 200: answers.Message } }),
  user("patchMessage", `PATCH ${MESSAGE}`, "Its author gives a text other words; consents to the old ones are void.", {
    parameters: message,
    body: http.EditMessage,
    answers: { 200: answers.Message },
  }),
  user("deleteMessage", `DELETE ${MESSAGE}`, "Its author takes a message back.", {
    parameters: message,
    answers: { 204: none },
  }),
  user("getDelivery", `GET ${MESSAGE}/delivery`, "How far a message of the caller's has got with each member.", {
    parameters: message,
    answers: { 200: answers.Delivery },
  }),
  user("putConsent", `PUT ${MESSAGE}/consent`, "Asks to keep a text, or agrees to it.", {
    parameters: message,
    body: http.GiveConsent,
    answers: { 200: answers.Message },
  }),
  user("deleteConsent", `DELETE ${MESSAGE}/consent`, "Withdraws a consent, or declines.", {
    parameters: message,
    answers: { 200: answers.Message },
  }),
  user("postConsents", `POST ${CONVERSATION}/consents`, "Consents to every text in a stretch of the log.", {
    parameters: conversation,
    body: http.Consents,
    answers: { 200: answers.ConsentResults },
  }),
  user("reportMessage", `POST ${MESSAGE}/reports`, "Reports a message to the operators.", {
    parameters: message,
    body: http.ReportMessage,
    answers: { 201: answers.Report, 200: answers.Report },
  }),
  user("listScheduled", `GET ${CONVERSATION}/scheduled`, "The caller's own texts that wait for their time.", {
    parameters: conversation,
    query: http.Page,
    answers: { 200: answers.page(answers.Message) },
  }),
  user("patchScheduled", `PATCH ${SCHEDULED}`, "Changes the text or the time of one that waits.", {
    parameters: message,
    body: http.ChangeScheduled,
    answers: { 200: answers.Message },
  }),
  user("deleteScheduled", `DELETE ${SCHEDULED}`, "Cancels one that waits.", {
    parameters: message,
    answers: { 204: none },
  }),
  user("sendScheduled", `POST ${SCHEDULED}/send`, "Sends one that waits now.", {
    parameters: message,
    answers: { 202: answers.Message },
  }),
  user("listChanges", `GET ${CONVERSATION}/changes`, "What happened after a `seq`, in order.", {
    parameters: conversation,
    query: http.Changes,
    answers: { 200: answers.ChangePage },
  }),
  user("sync", "POST sync", "What moved in which conversations.", {
    body: http.Sync,
    answers: { 200: answers.SyncAnswer },
  }),
  user("postReceipts", `POST ${CONVERSATION}/receipts`, "Moves the caller's watermarks on.", {
    parameters: conversation,
    body: http.Receipts,
    answers: { 204: none },
  }),
  user("postTyping", `POST ${CONVERSATION}/typing`, "The caller is writing.", {
    parameters: conversation,
    answers: { 204: none },
  }),
  user("postPresence", `POST ${CONVERSATION}/presence`, "The caller is there, for as long as a lease, or has left.", {
    parameters: conversation,
    body: http.Presence,
    answers: { 200: answers.PresenceLease },
  }),
  user("negotiate", "POST realtime/negotiate", "Where the caller's Socket.IO client connects, with a token for it.", {
    answers: { 200: answers.Negotiation },
  }),
  user("join", "POST realtime/join", "Puts the caller's socket into the rooms of the caller's conversations.", {
    body: http.Join,
    answers: { 200: answers.Joined },
  }),
];

const FILE = `${CONVERSATION}/files/{file}`;
const VIEW = `${FILE}/views/{view}`;

const FILES: readonly Operation[] = [
  user("createFile", `POST ${CONVERSATION}/files`, "Announces a file; answers where to upload it.", {
    parameters: conversation,
    body: http.CreateFile,
    answers: { 201: answers.Upload },
  }),
  user("completeFile", `POST ${FILE}/complete`, "Checks what was uploaded, and accepts it.", {
    parameters: http.FilePath,
    answers: { 202: answers.Message },
  }),
  user("getFile", `GET ${FILE}`, "What is known of a file; never its content.", {
    parameters: http.FilePath,
    answers: { 200: answers.File },
  }),
  user("openView", `POST ${FILE}/views`, "Opens a file, once.", {
    parameters: http.FilePath,
    body: http.Viewing,
    answers: { 201: answers.View },
  }),
  user("heartbeatView", `POST ${VIEW}/heartbeat`, "Keeps a view open; answers a fresh URL.", {
    parameters: http.ViewPath,
    body: http.Viewing,
    answers: { 200: answers.Heartbeat },
  }),
  open("closeView", `POST v1/${VIEW}/close`, "Closes a view: its reader, or whoever has its close token.", {
    parameters: http.ViewPath,
    body: http.CloseView,
    answers: { 202: answers.Closed },
  }),
];

const ME: readonly Operation[] = [
  user("exportMe", "GET me/export", "What is kept of the caller.", {
    query: http.Page,
    answers: { 200: answers.page(answers.ExportedConversation) },
  }),
  user("eraseMe", "DELETE me", "Erases the caller's account, as a job.", { answers: { 202: answers.Erasure } }),
  user("getErasure", "GET me/erasure", "How far that job is.", { answers: { 200: answers.Erasure } }),
  user("listBlocked", "GET me/blocked", "Whom the caller has blocked.", { answers: { 200: answers.Blocked } }),
  user("blockUser", "PUT users/{user}/block", "Blocks a user.", { parameters: http.UserPath, answers: { 204: none } }),
  user("unblockUser", "DELETE users/{user}/block", "Takes a block back.", {
    parameters: http.UserPath,
    answers: { 204: none },
  }),
];

const OPS: readonly Operation[] = [
  operator("listRuns", "GET runs", "What the jobs did that nobody asked for, newest first.", {
    query: http.Page,
    answers: { 200: answers.page(answers.Run) },
  }),
  operator("listFailures", "GET failures", "What could not be processed, newest first.", {
    query: operations.FailuresQuery,
    answers: { 200: answers.page(answers.Failure) },
  }),
  operator("getFailure", "GET failures/{failure}", "One failure; its content only when asked for.", {
    parameters: operations.FailurePath,
    query: operations.FailureQuery,
    answers: { 200: answers.Failure },
  }),
  operator("redriveFailure", "POST failures/{failure}/redrive", "Sends it to its queue again.", {
    parameters: operations.FailurePath,
    answers: { 202: answers.Failure },
  }),
  operator("discardFailure", "POST failures/{failure}/discard", "Gives it up.", {
    parameters: operations.FailurePath,
    answers: { 202: answers.Failure },
  }),
  operator("redriveFailures", "POST failures/redrive", "The same for all that a filter finds, as a job.", {
    body: operations.FailuresJob,
    answers: { 202: answers.Job, 200: answers.DryRun },
  }),
  operator("discardFailures", "POST failures/discard", "The same for all that a filter finds, as a job.", {
    body: operations.FailuresJob,
    answers: { 202: answers.Job, 200: answers.DryRun },
  }),
  operator("getStatus", "GET status", "What works, what waits, and what this process has measured.", {
    answers: { 200: answers.Status },
  }),
  operator("listAudit", "GET audit", "Who did what, newest first.", {
    query: operations.AuditQuery,
    answers: { 200: answers.page(answers.AuditEntry) },
  }),
  operator("listReports", "GET reports", "Messages that members have reported; never what they said.", {
    query: operations.AuditQuery,
    answers: { 200: answers.page(answers.OperatorReport) },
  }),
  operator("verifyReport", "POST reports/{report}/verify", "Whether a text that somebody shows is the reported one.", {
    parameters: operations.ReportPath,
    body: operations.VerifyReport,
    answers: { 200: answers.Verified },
  }),
  operator("getMessageLife", "GET messages/{message}", "One message's life; never what it says.", {
    parameters: operations.OperatorMessagePath,
    query: operations.MessageQuery,
    answers: { 200: answers.OperatorMessage },
  }),
  operator("getJob", "GET jobs/{job}", "How far a job is.", {
    parameters: operations.JobPath,
    answers: { 200: answers.Job },
  }),
];

const OPEN: readonly Operation[] = [
  open("healthLive", "GET health/live", "The process runs.", { answers: { 200: answers.Live } }),
  open("healthReady", "GET health/ready", "Everything that the backend needs answers.", {
    answers: { 200: answers.Readiness, 503: answers.Readiness },
  }),
  open("getOpenapi", "GET openapi.json", "This document.", { answers: { 200: answers.Document } }),
  open("getAsyncapi", "GET asyncapi.json", "The events of the socket.", { answers: { 200: answers.Document } }),
];

export const OPERATIONS: readonly Operation[] = [...CHAT, ...FILES, ...ME, ...OPS, ...OPEN];
