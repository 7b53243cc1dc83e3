/** `<entity>/$management`: requests and answers beside the links of an entity (AMQP management, working draft 9). */
import { BrokerError } from "../broker/error.js";
import { accept } from "./answers.js";
import { readSections } from "./codec/sections.js";
import { readTyped } from "./codec/typed.js";
import { problemOf } from "./conditions.js";
import type { Faults } from "./faults.js";
import type { Answer, Operation } from "./management/operation.js";
import { operations } from "./management/operations.js";
import { resolve, type Peer, type Target } from "./peer.js";
import { outcomes, types, type DecodedMessage, type RheaDelivery, type RheaReceiver } from "./rhea.js";

const AMQP_VALUE = 0x77;

export function attachManagementReceiver(peer: Peer, link: RheaReceiver, address: string): void {
  peer.authorization.check();
  const target = resolve(peer.namespace, address);
  link.set_target({ address });
  link.on("message", ({ message, delivery }: { message: Buffer; delivery: RheaDelivery }) => {
    accept(delivery);
    const request = outcomes.decode(message);
    answerOrFail(peer.namespace.faults, link, target, request, message).then(
      (result) => {
        reply(peer, request, result);
      },
      (error: unknown) => {
        const { status, description, condition } = problemOf(error);
        reply(peer, request, { status, description, condition });
      },
    );
  });
}

async function answerOrFail(
  faults: Faults,
  link: RheaReceiver,
  target: Target,
  request: DecodedMessage,
  message: Buffer,
): Promise<Answer> {
  const settles = request.application_properties?.["operation"] === "com.microsoft:update-disposition";
  const before = faults.at(settles ? "settle" : "request", target.queue, link);
  if (before !== undefined) await before;
  const result = await answer(target, request, message);
  const after = faults.at(settles ? "settled" : "answer", target.queue, link);
  if (after !== undefined) await after;
  return result;
}

async function answer(target: Target, request: DecodedMessage, message: Buffer): Promise<Answer> {
  const name = String(request.application_properties?.["operation"]);
  const operation: Operation | undefined = operations[name];
  if (operation === undefined) throw new BrokerError("not-implemented", `The operation '${name}' is not supported.`);
  const section = readSections(message).find(({ code }) => code === AMQP_VALUE);
  if (section === undefined) throw new BrokerError("argument-error", "A request must have a body.");
  return operation({
    target,
    body: (request.body ?? {}) as Readonly<Record<string, unknown>>,
    typedBody: () => readTyped(message.subarray(section.value, section.end)),
  });
}

function reply(
  peer: Peer,
  request: DecodedMessage,
  { status = 200, description = "OK", condition, body }: Answer,
): void {
  const link = peer.replyLinks.get(request.reply_to ?? "");
  if (link?.is_open() !== true) return;
  link.send({
    correlation_id: request.message_id,
    application_properties: {
      statusCode: types.wrap_int(status),
      statusDescription: description,
      ...(condition === undefined ? {} : { errorCondition: types.wrap_symbol(condition) }),
    },
    body: body ?? {},
  });
}
