/** Changing what a text says. No earlier wording is kept, and what was agreed was agreed of other words: consents are void. */
import { isOver, type MessageDocument } from "./message.js";
import { voidConsents } from "./retention.js";

/** For so long after it was sent its author may change it. */
export const EDIT_WINDOW_MS = 15 * 60_000;

export type Editing =
  /** Its time was over first. At `expiresAt` exactly, expiry wins. */
  | { readonly kind: "over" }
  /** It says that already, or has no words. */
  | { readonly kind: "same" | "wordless" }
  /** Its time to be changed is over. */
  | { readonly kind: "late" }
  /** It has been changed since the caller saw it. */
  | { readonly kind: "changed" }
  | { readonly kind: "edited"; readonly document: MessageDocument };

/**
 * What it does that its author gives a text other words. It ends when it would have ended without an agreement.
 * @param seen how many changes the author has seen; undefined when that does not matter
 */
export function edit(document: MessageDocument, text: string, now: number, seen?: number): Editing {
  if (document.state !== "delivered" || isOver(document, now)) return { kind: "over" };
  if (document.text === undefined) return { kind: "wordless" };
  if (document.text === text) return { kind: "same" };
  const edits = document.edited?.times ?? 0;
  if (seen !== undefined && seen !== edits) return { kind: "changed" };
  const next = voidConsents(document);
  const isLate = now > document.sentAt.getTime() + EDIT_WINDOW_MS || isOver(next, now);
  return isLate
    ? { kind: "late" }
    : { kind: "edited", document: { ...next, text, edited: { times: edits + 1, at: new Date(now) } } };
}
