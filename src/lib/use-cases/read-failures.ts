import type { FailureShape, FailuresQuery } from "../contracts/operations.js";
import { FailureEnvelope } from "../contracts/queue.js";
import type { PageShape } from "../contracts/shapes.js";
import type { Failure } from "../domain/failure.js";
import { DayflyError } from "../errors.js";
import type { Ports, Trace } from "../ports.js";
import { audited } from "./audit.js";
import { lifeOf } from "./message-life.js";
import { shapeFailure } from "./shape-failure.js";
import { cursorOf, placeIn } from "./cursor.js";
import { endFailure, type Ending } from "./end-failure.js";

const DEFAULT_LIMIT = 50;

type Place = readonly [at: number, id: string];
export const placeOf = ({ at, id }: Pick<Failure, "at" | "id">): Place => [at.getTime(), id];
export const isFailurePlace = (value: unknown): value is Place =>
  Array.isArray(value) && Number.isSafeInteger(value[0]) && /^[0-9a-f]{32}$/.test(String(value[1]));

/** Failures, newest first. @throws cursor-invalid */
export async function listFailures(
  ports: Ports,
  { limit = DEFAULT_LIMIT, cursor, ...filter }: FailuresQuery,
): Promise<PageShape<FailureShape>> {
  const place = cursor === undefined ? undefined : placeIn(cursor, isFailurePlace);
  const after = place === undefined ? {} : { after: { at: new Date(place[0]), id: place[1] } };
  const failures = await ports.failures.page(filter, { limit, ...after });
  const last = failures.at(-1);
  return {
    items: failures.map(shapeFailure),
    ...(failures.length === limit && last !== undefined ? { nextCursor: cursorOf(placeOf(last)) } : {}),
  };
}

/**
 * One failure; `withContent` shows what the message says, once that somebody has seen it stands in the audit trail.
 * @throws failure-unknown
 */
export async function getFailure(
  ports: Ports,
  caller: string,
  id: string,
  { withContent, trace }: { readonly withContent: boolean; readonly trace: Trace },
): Promise<FailureShape> {
  const failure = await ports.failures.get(id);
  if (failure === undefined) throw new DayflyError("failure-unknown");
  const shape: FailureShape = { ...shapeFailure(failure), ...(await lifeIn(ports, failure)) };
  if (!withContent) return shape;
  const seen = { actor: caller, action: "failure.content-shown", target: targetOf(failure), trace };
  return audited(ports, seen, async () => {
    const isOver = ports.clock.now() >= failure.endsAt.getTime();
    const parked = failure.isHeld && !isOver ? await ports.parked.look(failure.sequenceNumber) : undefined;
    const envelope = FailureEnvelope.safeParse(parked?.body);
    const content = envelope.success ? envelope.data.original : parked?.body;
    return { ...shape, ...(content === undefined ? {} : { content }) };
  });
}

/** Redrives or discards one failure. @throws failure-unknown, failure-ended, failure-not-redrivable */
export async function endFailureFor(
  ports: Ports,
  caller: string,
  id: string,
  ending: Ending,
  trace: Trace,
): Promise<FailureShape> {
  const action = ending === "redriven" ? "failure.redrive" : "failure.discard";
  return audited(ports, { actor: caller, action, target: { failure: id }, trace }, async () =>
    shapeFailure(await endFailure(ports, id, ending)),
  );
}

async function lifeIn(ports: Ports, { conversationId, messageId }: Failure): Promise<Pick<FailureShape, "events">> {
  if (conversationId === undefined || messageId === undefined) return {};
  const found = await ports.conversations.load(conversationId);
  const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
  if (index === undefined) return {};
  return { events: (await lifeOf(ports, conversationId, index, found?.members ?? [])).events };
}

const targetOf = ({ id, conversationId, messageId }: Failure): Record<string, string> => ({
  failure: id,
  ...(conversationId === undefined ? {} : { conversation: conversationId }),
  ...(messageId === undefined ? {} : { message: messageId }),
});
