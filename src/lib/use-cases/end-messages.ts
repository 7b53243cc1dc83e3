/** What it means for delivered messages to end: their content goes, their log entries come. */
import type { MessageDocument, MessageIndex } from "../domain/message.js";
import type { Entry, Request } from "../ports.js";

interface Ended {
  readonly entries: readonly Entry[];
  readonly documentsChanged: readonly MessageDocument[];
  readonly indexesChanged: readonly MessageIndex[];
  readonly requestsClosed: readonly Request[];
}

/**
 * The rows that end these messages; the entries take the numbers after `headSeq`.
 * @param state `deleted` when their author has taken them back
 */
export function endMessages(
  documents: readonly MessageDocument[],
  headSeq: number,
  at: Date,
  state: "expired" | "deleted" = "expired",
): Ended {
  const pending = documents.filter(({ retention }) => retention?.state === "pending");
  const entries = documents.flatMap((document) => {
    const { messageId, seq: messageSeq } = document;
    const end = `message.${state}` as const;
    const lapses = state === "expired" && pending.includes(document);
    const types = lapses ? (["retention.lapsed", end] as const) : [end];
    return types.map((type) => ({ type, messageId, messageSeq, at }));
  });
  return {
    entries: entries.map((entry, index) => ({ ...entry, seq: headSeq + 1 + index })),
    documentsChanged: documents.map(
      ({ text: _text, replyTo: _replyTo, retention: _retention, ...document }): MessageDocument => ({
        ...document,
        state,
      }),
    ),
    indexesChanged: documents.map(({ messageId, author, seq, expiresAt }): MessageIndex => ({
      messageId,
      author,
      state,
      seq,
      at,
      expiresAt,
    })),
    requestsClosed: pending.map(({ messageId, seq }) => ({ messageId, seq })),
  };
}
