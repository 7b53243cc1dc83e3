import { forgetFrom } from "../domain/forgetting.js";
import type { Ports } from "../ports.js";

/** The row by which the clean-up finds what a message leaves behind. Comes before the write that ends the message. */
export async function noteEnd(ports: Ports, conversationId: string, at: Date): Promise<void> {
  const minute = forgetFrom(at);
  const key = `forget:${conversationId}:${minute}`;
  if (ports.recent.has(key)) return;
  await ports.forgetting.add(minute, conversationId);
  ports.recent.add(key);
}
