/** What is done with each event from upstream, and what is answered. */
import type { HttpResponseInit, InvocationContext } from "@azure/functions";
import { FileClose, Join } from "../contracts/http.js";
import { DayflyError, isDayflyError } from "../errors.js";
import type { Ports, Trace } from "../ports.js";
import { hearClose, hearConnected, hearDisconnected } from "../use-cases/hear-socket.js";
import { describeError } from "../describe-error.js";
import { parse } from "./endpoint.js";
import { problemOf } from "./problem.js";
import { acknowledgement, parseUserEvent, type UpstreamEvent } from "./upstream.js";

const NOTHING: HttpResponseInit = { status: 204 };

/**
 * Does what the event asks. A client's event is always answered with success: anything else would cost the client its
 * connection, so what is wrong goes into the acknowledgement, as the problem that REST would answer.
 */
export async function answerEvent(
  ports: Ports,
  { type, socketId, user }: UpstreamEvent,
  payload: string,
  { context, trace }: { readonly context: InvocationContext; readonly trace: Trace },
): Promise<HttpResponseInit> {
  // Ids become keys and filters: what is none is nobody's socket.
  if (!isSocketId(socketId)) return NOTHING;
  switch (type) {
    case "azure.webpubsub.sys.connected":
      await hearConnected(ports, user, socketId);
      return NOTHING;
    case "azure.webpubsub.sys.disconnected":
      await hearDisconnected(ports, socketId, trace);
      return NOTHING;
    case "azure.webpubsub.user.file.close": {
      const event = parseUserEvent(payload);
      if (event === undefined) return NOTHING;
      const { args, ack } = event;
      try {
        const close = parse(FileClose, args[0], "input-invalid");
        return acknowledgement(ack, { ok: true, ...(await hearClose(ports, user, close, trace)) });
      } catch (error) {
        if (!isDayflyError(error)) context.error("Unexpected error", describeError(error));
        return acknowledgement(ack, { ok: false, problem: problemOf(known(error), undefined) });
      }
    }
    default:
      return NOTHING;
  }
}

const isSocketId = (socketId: string): boolean => Join.safeParse({ socketId }).success;

const known = (error: unknown): DayflyError => (isDayflyError(error) ? error : new DayflyError("internal-error"));
