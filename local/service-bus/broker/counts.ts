/** What is in a queue and its dead-letter queue. */
export interface QueueCounts {
  /** Neither scheduled nor deferred, locked or not. */
  readonly active: number;
  readonly locked: number;
  readonly scheduled: number;
  /** Could be received now: active and not locked, or scheduled for a time that has come. */
  readonly due: number;
  readonly deferred: number;
  readonly deadLetter: number;
  readonly deadLetterLocked: number;
  readonly sizeInBytes: number;
}
