/** The same plain AMQP 1.0 client, rhea, for any broker. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import rhea, { type Connection, type EventContext } from "rhea";

export interface Endpoint {
  readonly name: string;
  /** Connected and let in. */
  readonly connect: () => Promise<Connection>;
  readonly addressOf: (queue: string) => string;
  /** Of the broker's process; 0 when it is not known. */
  readonly pid: number;
}

export const BODY = Buffer.alloc(1_024, "x");

let lastId = 0;
const newMessage = () => ({ message_id: `bench-${String(++lastId)}`, durable: true, body: BODY });

export async function connect(host: string, port: number, more: object = {}): Promise<Connection> {
  const connection = rhea.create_container().connect({ host, port, reconnect: false, ...more });
  await once(connection, "connection_open");
  return connection;
}

/** With a token on `$cbs`, as Service Bus wants one. */
export async function connectToServiceBus(connectionString: string): Promise<Connection> {
  const field = (name: string): string => new RegExp(`${name}=([^;]*)`).exec(connectionString)?.[1] ?? "";
  const { hostname, port } = new URL(field("Endpoint").replace(/^sb:/, "http:"));
  const connection = await connect(hostname, Number(port));
  const replies = connection.open_receiver({ source: "$cbs", target: "reply", name: "reply" });
  const requests = connection.open_sender("$cbs");
  await Promise.all([once(replies, "receiver_open"), once(requests, "sendable")]);
  const resource = encodeURIComponent(`sb://${hostname}:${port}/`);
  const expiry = Math.floor(Date.now() / 1_000) + 3_600;
  const signature = createHmac("sha256", field("SharedAccessKey"))
    .update(`${resource}\n${String(expiry)}`)
    .digest("base64");
  const sas = `sr=${resource}&sig=${encodeURIComponent(signature)}&se=${String(expiry)}&skn=${field("SharedAccessKeyName")}`;
  const answered = once(replies, "message");
  requests.send({
    message_id: "1",
    reply_to: "reply",
    application_properties: { operation: "put-token", type: "servicebus.windows.net:sastoken", name: "sb://any/plain" },
    body: `SharedAccessSignature ${sas}`,
  });
  await answered;
  return connection;
}

/** Sends, each confirmed, at most `inFlight` at once; resolves when all are accepted. */
export async function send(connection: Connection, address: string, count: number, inFlight: number): Promise<void> {
  const sender = connection.open_sender({ target: { address, durable: 2 } });
  let sent = 0;
  let accepted = 0;
  await new Promise<void>((resolve, reject) => {
    const more = (): void => {
      while (sent < count && sent - accepted < inFlight && sender.sendable()) {
        sender.send(newMessage());
        sent++;
      }
    };
    sender.on("sendable", more);
    sender.on("accepted", () => {
      if (++accepted === count) resolve();
      else more();
    });
    sender.on("rejected", ({ delivery }: EventContext) => {
      reject(new Error(`Rejected: ${JSON.stringify(delivery?.remote_state)}`));
    });
  });
  sender.close();
}

/** Receives and accepts, with this credit. */
export async function receive(connection: Connection, address: string, count: number, credit: number): Promise<void> {
  const receiver = connection.open_receiver({
    source: { address, durable: 2 },
    ...{ credit_window: 0, autoaccept: true, rcv_settle_mode: 0, snd_settle_mode: 0 },
  });
  // By hand, and no more than is wanted: what came behind the close would make rhea throw.
  let granted = Math.min(credit, count);
  let got = 0;
  receiver.add_credit(granted);
  await new Promise<void>((resolve) => {
    receiver.on("message", () => {
      if (++got === count) resolve();
      const more = Math.min(credit, count - granted);
      if (granted - got > credit / 2 || more === 0) return;
      const refill = Math.min(more, credit - (granted - got));
      granted += refill;
      receiver.add_credit(refill);
    });
  });
  await new Promise((resolve) => setImmediate(resolve));
  receiver.close();
}

/** Receives so many and leaves: their locks run on (SB-16). A connection's window lets 2,048 through. */
export async function hold(connectAgain: () => Promise<Connection>, address: string, count: number): Promise<void> {
  const PER_CONNECTION = 2_000;
  for (let held = 0; held < count; held += PER_CONNECTION) {
    const most = Math.min(PER_CONNECTION, count - held);
    const connection = await connectAgain();
    const receiver = connection.open_receiver({ source: address, credit_window: 0, autoaccept: false });
    let got = 0;
    const all = new Promise<void>((resolve) => {
      receiver.on("message", () => {
        if (++got === most) resolve();
      });
    });
    receiver.add_credit(most);
    await all;
    connection.close();
  }
}
