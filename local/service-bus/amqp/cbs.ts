/** `$cbs`: AMQP claims-based security, version 1.0 (draft). Before each link the SDK puts a token here. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { AccessTokenError } from "../../identity/access-tokens.js";
import { BrokerError } from "../broker/error.js";
import { accept } from "./answers.js";
import { tokenExpired } from "./authorization.js";
import { problemOf } from "./conditions.js";
import { resolve, type Namespace, type Peer } from "./peer.js";
import { outcomes, types, type DecodedMessage, type RheaDelivery, type RheaReceiver } from "./rhea.js";

export function attachCbsReceiver(peer: Peer, link: RheaReceiver): void {
  link.set_target({ address: "$cbs" });
  link.on("message", ({ message, delivery }: { message: Buffer; delivery: RheaDelivery }) => {
    accept(delivery);
    const request = outcomes.decode(message);
    void putToken(peer, request).then((answer) => {
      const replyLink = peer.replyLinks.get(request.reply_to ?? "");
      if (replyLink?.is_open() !== true) return;
      replyLink.send({
        correlation_id: request.message_id,
        application_properties: {
          "status-code": types.wrap_int(answer.status),
          "status-description": answer.description,
        },
        body: "",
      });
    });
  });
}

async function putToken(peer: Peer, request: DecodedMessage): Promise<{ status: number; description: string }> {
  const { operation, name, type } = request.application_properties ?? {};
  const { namespace } = peer;
  try {
    if (operation !== "put-token") throw new BrokerError("not-implemented", "$cbs answers put-token only.");
    const remaining =
      type === "jwt"
        ? await checkAccessToken(namespace, String(request.body))
        : checkSignature(namespace, type, String(request.body));
    // Refused here, an unknown queue gets the right error code in each case.
    resolve(namespace, String(name));
    peer.authorization.extend(remaining);
    return { status: 202, description: "Accepted" };
  } catch (error) {
    return problemOf(error);
  }
}

/** A JSON Web Token of Entra ID, which the SDK brings with a `TokenCredential`. Returns how long it holds, in ms. */
async function checkAccessToken({ checkAccessToken: check, clock }: Namespace, token: string): Promise<number> {
  if (check === undefined) {
    throw new BrokerError(
      "unauthorized",
      "Access tokens are taken on the port with TLS alone. Use the connection string.",
    );
  }
  try {
    const remaining = (await check(token)) - clock.now();
    if (!(remaining > 0)) throw tokenExpired();
    return remaining;
  } catch (error) {
    if (error instanceof AccessTokenError) throw new BrokerError("unauthorized", `InvalidToken: ${error.message}`);
    throw error;
  }
}

/** `SharedAccessSignature sr=…&sig=…&se=…&skn=…`: an HMAC-SHA256 over resource and expiry. Returns how long it holds, in ms. */
function checkSignature({ keyName, key }: Namespace, type: unknown, token: string): number {
  if (type !== "servicebus.windows.net:sastoken") {
    throw new BrokerError("unauthorized", "Only shared access signatures and access tokens (jwt) are known here.");
  }
  const fields = new Map(
    token
      .replace(/^SharedAccessSignature\s+/, "")
      .split("&")
      .map((field): [string, string] => {
        const separator = field.indexOf("=");
        return [field.slice(0, separator), field.slice(separator + 1)];
      }),
  );
  const field = (name: string): string => fields.get(name) ?? "";
  const expected = createHmac("sha256", key)
    .update(`${field("sr")}\n${field("se")}`)
    .digest();
  const given = Buffer.from(decode(field("sig")), "base64");
  const matches = given.length === expected.length && timingSafeEqual(given, expected);
  if (!matches || decode(field("skn")) !== keyName) {
    throw new BrokerError(
      "unauthorized",
      "InvalidSignature: The token has an invalid signature. Use the key of the connection string that the service bus prints at its start.",
    );
  }
  const remaining = Number(field("se")) * 1_000 - unmovedTime();
  if (!(remaining > 0)) throw tokenExpired();
  return remaining;
}

/** What `Date` would say had nobody moved it: the client may go by a clock of its own. */
function unmovedTime(): number {
  return performance.timeOrigin + performance.now();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
