/** Clients of a stack in identity mode: they trust the authority that this stack has made for itself, and so no other. */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { buffer } from "node:stream/consumers";
import type { Stack } from "./stack.js";

/** In PEM; undefined where nothing speaks TLS. */
export const authorityOf = ({ info }: Stack): string | undefined =>
  info.authority === undefined ? undefined : readFileSync(info.authority, "utf8");

/** `fetch` cannot be told whom to trust: what goes to https goes another way, and the rest to `plain`. */
export const fetchTrusting =
  (ca: string, plain: typeof fetch): typeof fetch =>
  async (input, init = {}) => {
    const asked = new Request(input, init);
    if (!asked.url.startsWith("https:")) return plain(input, init);
    const body = Buffer.from(await asked.arrayBuffer());
    return new Promise((resolve, reject) => {
      const headers = { ...Object.fromEntries(asked.headers), "content-length": String(body.length) };
      request(asked.url, { method: asked.method, headers, ca })
        .once("error", reject)
        .once("response", (response) => {
          buffer(response).then((answer) => {
            const status = response.statusCode ?? 0;
            resolve(new Response(status === 204 ? null : Uint8Array.from(answer), { status }));
          }, reject);
        })
        .end(body);
    });
  };
