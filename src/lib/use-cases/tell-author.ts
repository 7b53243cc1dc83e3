import type { ServerEventName, ServerEvents } from "../contracts/shapes.js";
import { isRefused, isTransient } from "../errors.js";
import type { Ports } from "../ports.js";

/** Tells the author's own sockets: those in the conversation's room, or all. What is told here can be asked for: an event that cannot be published holds nothing up. */
export async function tellAuthor<Name extends ServerEventName>(
  { realtime }: Pick<Ports, "realtime">,
  author: string,
  name: Name,
  event: ServerEvents[Name],
  { everywhere = false }: { readonly everywhere?: boolean } = {},
): Promise<void> {
  try {
    await realtime.publish(name, event, { onlyTo: author, ...(everywhere ? { everywhere: true as const } : {}) });
  } catch (error) {
    if (!isTransient(error) && !isRefused(error)) throw error;
  }
}
