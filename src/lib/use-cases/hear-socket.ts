/** What Web PubSub tells of sockets. Nothing depends on it: what is lost here happens later, by a join or a lease. */
import type { FileClose } from "../contracts/http.js";
import type { CloseShape } from "../contracts/shapes.js";
import type { Ports, Trace } from "../ports.js";
import { closeByReader, endSocket } from "./close-view.js";
import { join } from "./connect.js";

/** A socket has connected: it hears of its user's conversations without asking. */
export async function hearConnected(ports: Ports, user: string | undefined, socketId: string): Promise<void> {
  if (user !== undefined) await join(ports, user, socketId);
}

/** A socket is gone: its views live on for their grace. */
export async function hearDisconnected(ports: Ports, socketId: string, trace: Trace): Promise<number> {
  return endSocket(ports, socketId, trace);
}

/** The event `file.close` of a socket: as by REST, the socket's user being the caller. */
export const hearClose = (
  ports: Ports,
  user: string | undefined,
  { conversationId, fileId, viewId, ...close }: FileClose,
  trace: Trace,
): Promise<CloseShape> => closeByReader(ports, user, { conversationId, fileId, viewId }, close, trace);
