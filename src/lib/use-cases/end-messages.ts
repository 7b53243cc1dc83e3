/** What it means for delivered messages to end: their content goes, their log entries come. */
import type { MessageDocument, MessageIndex } from "../domain/message.js";
import type { Entry, Request } from "../ports.js";

interface Ended {
  readonly entries: readonly Entry[];
  readonly documentsChanged: readonly MessageDocument[];
  readonly indexesChanged: readonly MessageIndex[];
  readonly requestsClosed: readonly Request[];
}

/** The rows that end these messages; the entries take the numbers after `headSeq`. */
export function endMessages(documents: readonly MessageDocument[], headSeq: number, at: Date): Ended {
  const pending = documents.filter(({ retention }) => retention?.state === "pending");
  const entries = documents.flatMap((document) => {
    const { messageId, seq: messageSeq } = document;
    const types = pending.includes(document)
      ? (["retention.lapsed", "message.expired"] as const)
      : (["message.expired"] as const);
    return types.map((type) => ({ type, messageId, messageSeq, at }));
  });
  return {
    entries: entries.map((entry, index) => ({ ...entry, seq: headSeq + 1 + index })),
    documentsChanged: documents.map(
      ({ text: _text, replyTo: _replyTo, retention: _retention, ...document }): MessageDocument => ({
        ...document,
        state: "expired",
      }),
    ),
    indexesChanged: documents.map(({ messageId, author, seq, expiresAt }): MessageIndex => ({
      messageId,
      author,
      state: "expired",
      seq,
      at,
      expiresAt,
    })),
    requestsClosed: pending.map(({ messageId, seq }) => ({ messageId, seq })),
  };
}
