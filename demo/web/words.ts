/** What people read: times, and what went wrong. */
import { ProblemError } from "../../client/chat-client.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long a message still lives, as a clock that runs down: `23:59:08`, and days where there are many. */
export function timeLeft(ms: number): string {
  const left = Math.max(0, ms);
  if (left >= 2 * DAY) return `${Math.floor(left / DAY)} days`;
  const pad = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  return `${pad(left / HOUR)}:${pad((left % HOUR) / MINUTE)}:${pad((left % MINUTE) / SECOND)}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const timeOfDay = (iso: string): string => clock.format(new Date(iso));
export const dayOf = (iso: string): string => day.format(new Date(iso));

/** When something will happen: with seconds when it is soon, with the day when it is not today. */
export function moment(iso: string, now: number): string {
  const at = new Date(iso);
  const text = (at.getTime() - now < HOUR ? clockWithSeconds : clock).format(at);
  return at.getTime() - now < 12 * HOUR ? text : `${day.format(at)}, ${text}`;
}

/** `ana`, `ana and bo`, `ana, bo and cy`. */
export function namesOf(users: readonly string[]): string {
  return users.length < 2 ? users.join("") : `${users.slice(0, -1).join(", ")} and ${users.at(-1) ?? ""}`;
}

/** `312 KB`, with decimal prefixes as browsers show them. */
export function sizeOf(bytes: number): string {
  const [unit, divisor] = bytes < 1e6 ? (["kilobyte", 1e3] as const) : (["megabyte", 1e6] as const);
  return new Intl.NumberFormat(undefined, {
    ...{ style: "unit", unit, unitDisplay: "short" },
    maximumFractionDigits: bytes < 1e5 || (bytes >= 1e6 && bytes < 1e8) ? 1 : 0,
  }).format(bytes / divisor);
}

const SENTENCES: Readonly<Record<string, string>> = {
  "conversation-unknown": "You are not in this conversation any more.",
  "conversation-full": "This conversation is full.",
  "message-expired": "Too late: the message is gone.",
  "message-deleted": "Too late: its author has taken the message back.",
  "message-edited": "The message says something else by now. Read it again.",
  "edit-too-late": "Too late: a message can be changed for 15 minutes.",
  "message-already-sent": "Too late: it has been sent.",
  "message-unknown-or-not-yet": "The message is still on its way. Try again in a moment.",
  "retention-lapsed": "Too late: the message was gone before everyone had agreed.",
  "retention-unavailable": "There are too many people in this conversation to keep a message together.",
  "file-deleted": "Too late: the file is gone.",
  "view-closed": "You have opened and closed it before: a file opens once.",
  "view-open": "It is open somewhere else.",
  "preview-over": "A reader has opened it: there is no preview any more.",
  "file-not-ready": "The file is still being checked. Try again in a moment.",
  "file-closed": "A reader has closed it: it cannot be kept any more.",
  "file-too-large": "The file is too large: 100 MB is the most.",
  "file-type-not-allowed": "Files of this kind are not taken.",
  "upload-type-mismatch": "Its content is not what its name says.",
  "file-malicious": "The virus scanner does not let it through.",
  "scan-unfinished": "The virus scanner could not check it.",
  "upload-missing": "Nothing has arrived. Try again.",
  "file-quota-exceeded": "You have sent as many files as a day allows.",
  "schedule-full": "You have as many messages waiting as you can have.",
  "attempts-exhausted": "It could not be delivered.",
  "dependency-unavailable": "The service is having trouble. Try again in a moment.",
  "token-invalid": "You are signed out. Reload the page.",
  "internal-error": "Something went wrong on the server.",
};

/** What went wrong, as a person would want to hear it. */
export function whatWentWrong(error: unknown): string {
  if (!(error instanceof ProblemError)) return "No answer. Are you online?";
  const [field] = error.errors;
  const sentence = SENTENCES[error.code] ?? error.message;
  return field === undefined || error.code in SENTENCES ? sentence : `${nameOf(field.pointer)} ${field.detail}.`;
}

export const whyItFailed = (code: string): string => SENTENCES[code] ?? "It was not accepted.";

const NAMES: Readonly<Record<string, string>> = { text: "The text", members: "The name", sendAt: "The time" };
const nameOf = (pointer: string): string => NAMES[pointer.split("/")[1] ?? ""] ?? "Something in it";
