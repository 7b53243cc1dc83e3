/** rhea decodes messages of format 0 and hands over anything else as bytes; what a sender wrote must be kept as it is. */
const RAW = 2 ** 32;

/** Marks a transfer (AMQP 1.0, 2.7.5), so that rhea leaves its message encoded. */
export function keepEncoded(transfer: { message_format?: number }): void {
  transfer.message_format = (transfer.message_format ?? 0) + RAW;
}

/** The format that the sender gave. */
export function formatOf(delivery: { readonly format: number }): number {
  return delivery.format - RAW;
}
