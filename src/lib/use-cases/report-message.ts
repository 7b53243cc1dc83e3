/**
 * Reporting a message, and proving later what it said. With each message a keyed hash of what it says is kept as long as its
 * tombstone: a report takes the hash along. So what is reported need not be kept, also when it has expired or was taken back;
 * whoever has a copy of it can show it, and the hash tells whether it is one.
 */
import type { Page, ReportMessage } from "../contracts/http.js";
import type { OperatorReportShape, VerifyReport } from "../contracts/operations.js";
import type { PageShape, ReportShape } from "../contracts/shapes.js";
import type { MessageDocument } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import { failureId } from "../ids.js";
import type { Ports, Trace } from "../ports.js";
import type { Report } from "../ports-operations.js";
import { audited } from "./audit.js";
import { cursorOf, placeIn } from "./cursor.js";
import { requireMember } from "./membership.js";

const DEFAULT_LIMIT = 50;

/**
 * Reports a message that the caller can see, or could see until it ended. Again it is the same report.
 * @throws conversation-unknown, message-unknown-or-not-yet, not-allowed for the caller's own, input-invalid for a copy that is none
 */
export async function reportMessage(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
  { reason, text, sha256 }: ReportMessage,
): Promise<{ readonly created: boolean; readonly report: ReportShape }> {
  const { member } = await requireMember(ports, conversationId, caller);
  const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
  const document =
    index?.seq === undefined || index.seq <= member.joinedSeq
      ? undefined
      : await ports.conversations.document(conversationId, index.seq);
  if (document === undefined) throw new DayflyError("message-unknown-or-not-yet");
  if (document.author === caller) throw new DayflyError("not-allowed", { detail: "Nobody reports themselves." });
  requireCopy(ports, document, "/text", text);
  requireCopy(ports, document, "/sha256", sha256);
  const { author, sentAt, proof } = document;
  // Of a message that is over the document does not tell any more what it was.
  const file = document.file ?? (await ports.conversations.file(conversationId, messageId));
  const report: Report = {
    id: `${String(sentAt.getTime())}-${failureId(["report", conversationId, messageId, caller])}`,
    ...{ conversationId, messageId, author, reporter: caller, reason, sentAt },
    kind: file === undefined ? "text" : "file",
    at: new Date(ports.clock.now()),
    ...(proof === undefined ? {} : { proof }),
  };
  const created = await ports.reports.add(report);
  // The first one stays, with its reason.
  return { created, report: shapeReport(created ? report : ((await ports.reports.get(report.id)) ?? report)) };
}

/** What the reporter shows must be what was said: a report with a false copy would be one of something else. */
function requireCopy(ports: Ports, document: MessageDocument, pointer: string, content: string | undefined): void {
  if (content === undefined || document.proof === undefined) return;
  if (ports.evidence.proves(document.proof, { ...document, content })) return;
  throw new DayflyError("input-invalid", { errors: [{ pointer, detail: "is not what the message said" }] });
}

/** By the time of their messages, newest first. @throws cursor-invalid */
export async function listReports(
  ports: Ports,
  { limit = DEFAULT_LIMIT, cursor }: Page,
): Promise<PageShape<OperatorReportShape>> {
  const after = cursor === undefined ? {} : { after: placeIn(cursor, isReportId) };
  const reports = await ports.reports.page({ limit, ...after });
  const last = reports.at(-1);
  return {
    items: reports.map(shapeForOperator),
    ...(reports.length === limit && last !== undefined ? { nextCursor: cursorOf(last.id) } : {}),
  };
}

/**
 * Whether what somebody shows is what the reported message said. Without a keyed hash nothing can tell.
 * @throws report-unknown, evidence-missing
 */
export async function verifyReport(
  ports: Ports,
  caller: string,
  id: string,
  { text, sha256 }: VerifyReport,
  trace: Trace,
): Promise<{ readonly matches: boolean }> {
  const report = await ports.reports.get(id);
  if (report === undefined) throw new DayflyError("report-unknown");
  const { proof } = report;
  if (proof === undefined) throw new DayflyError("evidence-missing");
  const content = text ?? sha256 ?? "";
  return audited(ports, { actor: caller, action: "report.verify", target: { report: id }, trace }, () =>
    Promise.resolve({ matches: ports.evidence.proves(proof, { ...report, content }) }),
  );
}

const isReportId = (value: unknown): value is string =>
  typeof value === "string" && /^\d{1,14}-[0-9a-f]{32}$/.test(value);

const shapeReport = ({ id, messageId, reason, at, proof }: Report): ReportShape => ({
  ...{ id, messageId, reason, at: at.toISOString(), hasEvidence: proof !== undefined },
});

const shapeForOperator = (report: Report): OperatorReportShape => ({
  ...shapeReport(report),
  ...{ conversationId: report.conversationId, author: report.author, reporter: report.reporter },
  ...{ kind: report.kind, sentAt: report.sentAt.toISOString() },
});
