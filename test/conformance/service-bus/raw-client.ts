/** An AMQP client that is not the Azure SDK: plain rhea, and what is needed to get in. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import rhea, { type Connection, type EventContext, type Receiver, type Sender } from "rhea";

/** Connected, and let in by a token on `$cbs`. */
export async function connectRaw(connectionString: string, secondsValid = 3_600): Promise<Connection> {
  const { host, port } = partsOf(connectionString);
  const connection = rhea.create_container().connect({ host, port, reconnect: false });
  for (const event of ["disconnected", "error", "connection_error", "protocol_error"])
    connection.on(event, () => undefined);
  await once(connection, "connection_open");
  await putToken(connection, tokenFor(connectionString, secondsValid));
  return connection;
}

/** @throws when it is not accepted */
export async function putToken(
  connection: Connection,
  token: string,
  type: "servicebus.windows.net:sastoken" | "jwt" = "servicebus.windows.net:sastoken",
): Promise<void> {
  const name = `reply-${String(Math.random())}`;
  const replies = connection.open_receiver({ source: "$cbs", target: name, name });
  const requests = connection.open_sender("$cbs");
  await Promise.all([once(replies, "receiver_open"), once(requests, "sendable")]);
  const answered = once(replies, "message") as Promise<[EventContext]>;
  requests.send({
    message_id: "1",
    reply_to: name,
    application_properties: {
      operation: "put-token",
      type,
      name: "sb://any/plain-0",
    },
    body: token,
  });
  const [{ message }] = await answered;
  const status: unknown = message?.application_properties?.["status-code"];
  if (status !== 202) throw new Error(`The token was refused: ${String(status)}`);
}

/** A shared access signature for the whole namespace. */
export function tokenFor(connectionString: string, secondsValid: number): string {
  const { host, port, keyName, key } = partsOf(connectionString);
  const resource = encodeURIComponent(`sb://${host}:${port}/`);
  const expiry = Math.floor(Date.now() / 1_000) + secondsValid;
  const signature = createHmac("sha256", key).update(`${resource}\n${expiry}`).digest("base64");
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${keyName}`;
}

export async function openSender(connection: Connection, address: string): Promise<Sender> {
  const sender = connection.open_sender(address);
  await once(sender, "sendable");
  return sender;
}

/** A receiver in peek-lock mode, without credit. */
export async function openReceiver(connection: Connection, address: string): Promise<Receiver> {
  const receiver = connection.open_receiver({
    source: address,
    credit_window: 0,
    autoaccept: false,
    snd_settle_mode: 0,
    rcv_settle_mode: 1,
  });
  await once(receiver, "receiver_open");
  return receiver;
}

export function partsOf(connectionString: string): { host: string; port: number; keyName: string; key: string } {
  const field = (name: string): string => new RegExp(`${name}=([^;]*)`).exec(connectionString)?.[1] ?? "";
  const { hostname, port } = new URL(field("Endpoint").replace(/^sb:/, "http:"));
  return { host: hostname, port: Number(port), keyName: field("SharedAccessKeyName"), key: field("SharedAccessKey") };
}
