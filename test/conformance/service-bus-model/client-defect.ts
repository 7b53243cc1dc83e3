/**
 * A defect of the client library, not of the broker: when a connection dies under a request, core-amqp's time-out for the request asks
 * rhea-promise's link for its address, and the link, which has lost its source, throws. That is a timer's: nobody can catch it
 * (core-amqp 4.4 `requestResponseLink.js`, rhea-promise 3.0 `link.js`: `get address`). Here the address of such a link is
 * undefined, which core-amqp provides for: the request fails with its time-out, as any on a lost connection. All other errors that
 * nobody catches still fail the test.
 */
import { createRequire } from "node:module";

interface Link {
  readonly source?: { readonly address?: string };
}

export function mendLostLinks(): void {
  const clientRequire = createRequire(createRequire(import.meta.url).resolve("@azure/core-amqp"));
  const { Receiver } = clientRequire("rhea-promise") as { Receiver: { prototype: object } };
  const link = Object.getPrototypeOf(Receiver.prototype) as object;
  Object.defineProperty(link, "address", {
    configurable: true,
    get(this: Link) {
      return this.source?.address;
    },
  });
}
