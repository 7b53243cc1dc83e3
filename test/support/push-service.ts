/** An app's push service, as Standard Webhooks has it: it believes what is signed, and nothing else. */
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Told {
  readonly id: string;
  readonly body: string;
  readonly isSigned: boolean;
}

export interface PushService {
  readonly url: string;
  readonly told: readonly Told[];
  /** What it answers next: a status, and where it would send the caller. */
  readonly answers: { readonly status: number; readonly location?: string }[];
  stop(): Promise<void>;
}

/** @param changed called whenever it was told something */
export async function startPushService(secret: string, changed: () => void = () => undefined): Promise<PushService> {
  const told: Told[] = [];
  const answers: { status: number; location?: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const header = (name: string): string => String(request.headers[`webhook-${name}`]);
      const body = Buffer.concat(chunks).toString();
      const key = Buffer.from(secret.slice("whsec_".length), "base64");
      const signed = `${header("id")}.${header("timestamp")}.${body}`;
      const isSigned = header("signature") === `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
      told.push({ id: header("id"), body, isSigned });
      const { status, location } = answers.shift() ?? { status: 204 };
      response.writeHead(status, location === undefined ? {} : { location }).end();
      changed();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http://127.0.0.1:${String(port)}/push`, told, answers },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
