/** What keeps a peer that breaks the protocol from hurting the others: rhea trusts what it reads in these places. */
import type { Socket } from "node:net";
import type { RheaConnection, RheaSession } from "./rhea.js";

/** How long a peer may take to open its connection. */
const OPEN_TIMEOUT_MS = 30_000;
/** What a peer may take to close its half of a socket after this side has closed its own. */
const END_TIMEOUT_MS = 1_000;

/** Calls off the guard of a socket once its connection is open. */
export type Opened = () => void;

/** Cuts off who never opens, and who goes on after this side has ended: rhea would go on to read, and to fail. */
export function guardSocket(socket: Socket): Opened {
  const timeout = setTimeout(() => socket.destroy(), OPEN_TIMEOUT_MS).unref();
  socket.once("finish", () => {
    socket.removeAllListeners("data");
    socket.resume();
    setTimeout(() => socket.destroy(), END_TIMEOUT_MS).unref();
  });
  socket.once("close", () => {
    clearTimeout(timeout);
  });
  return () => {
    clearTimeout(timeout);
  };
}

/** AMQP 1.0, 2.3.1: rhea would wait for the rest of a frame of any announced size, and keep what it has got of it. */
export function guardFrameSize(connection: RheaConnection, largest: number): void {
  const { amqp_transport: transport } = connection;
  const peekSize = transport.peek_size.bind(transport);
  transport.peek_size = (buffer) => {
    const size = peekSize(buffer);
    if (size !== undefined && size > largest) {
      throw new Error(`a frame of ${size} bytes was announced, and ${largest} are allowed`);
    }
    return size;
  };
}

/**
 * A client that ends a session when the other side has detached its link may answer the detach behind its own end (the Azure SDK does when
 * an accept of a session has timed out and the process is busy): rhea would cut the connection, with all that others do on it. Service Bus
 * passes over an end and a detach of a session that is not there (Azure/azure-amqp, `AmqpConnection.cs`), and over nothing else.
 */
export function guardEndedSessions(connection: RheaConnection): void {
  for (const frameOf of ["on_detach", "on_end"] as const) {
    const handle = connection[frameOf].bind(connection);
    connection[frameOf] = (frame) => {
      if (connection.remote_channel_map[frame.channel] !== undefined) handle(frame);
    };
  }
}

/** Confines a disposition to deliveries that there are: rhea walks the whole range, which may have 2^32 ids. */
export function guardSession(session: RheaSession): void {
  const onDisposition = session.on_disposition.bind(session);
  session.on_disposition = (frame) => {
    const range = frame.performative;
    if (range.role) {
      range.first = Math.max(range.first, session.outgoing.deliveries.get_head()?.id ?? 0);
      range.last = Math.min(range.last ?? range.first, session.outgoing.next_delivery_id);
    } else {
      range.last = Math.min(range.last ?? range.first, session.incoming.next_delivery_id ?? 0);
    }
    if (range.last >= range.first) onDisposition(frame);
  };
}
