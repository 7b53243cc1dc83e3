/** The least that can be at the other end of the SDK: it lets everybody in, accepts what comes, and sends the same message for ever. */
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { accept } from "../../local/service-bus/amqp/answers.js";
import { outcomes, type RheaDelivery } from "../../local/service-bus/amqp/rhea.js";
import rhea, { type EventContext, type Receiver, type Sender } from "rhea";

const MAX_MESSAGE_BYTES = 262_144;
/** No more than a client's window lets through. */
const MOST_UNSETTLED = 2_000;

export interface Sink {
  readonly connectionString: string;
  stop(): void;
}

export async function startSink(body: Buffer): Promise<Sink> {
  const container = rhea.create_container({ id: "sink" });
  const replies = new Map<string, Sender>();
  const bytes = encode(body);
  for (const event of ["disconnected", "error", "connection_close", "sender_close", "receiver_close", "session_close"])
    container.on(event, () => undefined);
  container.on("receiver_open", ({ receiver }: EventContext) => {
    const link = receiver as Receiver & { local: { attach: { max_message_size?: number } } };
    link.local.attach.max_message_size = MAX_MESSAGE_BYTES;
    if (link.target.address !== "$cbs") return;
    link.on("message", ({ message }: EventContext) => {
      replies.get(String(message?.reply_to))?.send({
        correlation_id: message?.message_id ?? "",
        application_properties: { "status-code": rhea.types.wrap_int(202), "status-description": "Accepted" },
        body: "",
      });
    });
  });
  container.on("sender_open", ({ sender }: EventContext) => {
    if (sender === undefined) return;
    if (sender.source.address === "$cbs") {
      replies.set(sender.target.address, sender);
      replies.set(sender.name, sender);
      return;
    }
    let unsettled = 0;
    const pump = (): void => {
      for (; sender.is_open() && sender.sendable() && unsettled < MOST_UNSETTLED; unsettled++)
        sender.send(bytes, randomBytes(16), 0);
    };
    sender.on("sendable", pump);
    sender.on("accepted", ({ delivery }: EventContext) => {
      accept(delivery as unknown as RheaDelivery);
      unsettled--;
      pump();
    });
  });
  const server = container.listen({
    host: "127.0.0.1",
    port: 0,
    receiver_options: { credit_window: 5_000, autoaccept: true },
    sender_options: { autosettle: false, treat_modified_as_released: false } as object,
  });
  server.on("connection", (socket) => socket.setNoDelay(true));
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const key = "SharedAccessKeyName=sink;SharedAccessKey=c2luaw==";
  return {
    connectionString: `Endpoint=sb://127.0.0.1:${String(port)};${key};UseDevelopmentEmulator=true`,
    stop: () => server.close(),
  };
}

function encode(body: Buffer): Buffer {
  return outcomes.encode({
    ...{ message_id: "sink", delivery_count: 0, body: rhea.message.data_section(body) as unknown },
    message_annotations: {
      "x-opt-sequence-number": rhea.types.wrap_long(1),
      "x-opt-enqueued-time": rhea.types.wrap_timestamp(Date.now()),
      "x-opt-locked-until": rhea.types.wrap_timestamp(Date.now() + 300_000),
    },
  });
}
