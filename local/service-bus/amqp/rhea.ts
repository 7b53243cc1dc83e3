/**
 * What this server uses of rhea beyond its published types, in one place. The names with an underscore and the fields below
 * are rhea 3.0.5's; `reference` comments in the users say why each is needed.
 */
import type { Socket } from "node:net";
import { createRequire } from "node:module";
import rhea, { type Container, type Typed } from "rhea";

export const types = rhea.types;
export const outcomes = rhea.message as unknown as {
  accepted(): { described(): Typed };
  released(): { described(): Typed };
  rejected(fields: { error?: AmqpError }): { described(): Typed };
  modified(fields: { delivery_failed?: boolean; undeliverable_here?: boolean }): { described(): Typed };
  encode(message: object): Buffer;
  decode(bytes: Buffer): DecodedMessage;
};

const require = createRequire(import.meta.url);
export const frames = require("rhea/lib/frames.js") as {
  disposition(fields: { role: boolean; first: number; last: number; settled: boolean; state: Typed }): unknown;
};
/**
 * rhea takes a zeroed buffer of its own, outside the heap, for each frame that it writes: with the garbage that they are, a tenth of
 * the broker's time. Its writers give out only what they have written, so they may as well write into Node's pool.
 */
const util = require("rhea/lib/util.js") as { allocate_buffer: (size: number) => Buffer };
util.allocate_buffer = (size) => Buffer.allocUnsafe(size);

/** rhea's types declare `Reader` and `Writer` as globals of a module; they are members of `types`. */
const codec = types as unknown as {
  Reader: new (buffer: Buffer) => Reader;
  Writer: new () => Writer;
};
export const { Reader: AmqpReader, Writer: AmqpWriter } = codec;

export interface Reader {
  position: number;
  read(): Typed;
  remaining(): number;
}

export interface Writer {
  write(value: Typed): void;
  toBuffer(): Buffer;
}

export function newContainer(id: string): Container {
  return rhea.create_container({ id });
}

export interface AmqpError {
  readonly condition: string;
  readonly description: string;
}

export interface DecodedMessage {
  readonly message_id?: unknown;
  readonly reply_to?: string;
  readonly application_properties?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export interface RheaConnection {
  readonly socket: Socket;
  readonly amqp_transport: { peek_size(buffer: Buffer): number | undefined };
  readonly remote_channel_map: Readonly<Record<number, RheaSession | undefined>>;
  on_detach(frame: { readonly channel: number }): void;
  on_end(frame: { readonly channel: number }): void;
  _register(): void;
  _write_frame(): void;
  _disconnected(): void;
  is_closed(): boolean;
  close(error?: AmqpError): void;
  each_link(action: (link: RheaLink) => void): void;
}

export interface RheaSession {
  readonly connection: RheaConnection;
  readonly outgoing: {
    readonly next_delivery_id: number;
    readonly next_pending_delivery: number;
    readonly deliveries: { get_head(): { readonly id: number } | undefined };
    available(): number;
    transfer_window(): number;
  };
  readonly incoming: { readonly next_delivery_id: number | undefined };
  output(frame: unknown): void;
  is_open(): boolean;
  on_flow(frame: { performative: { handle?: number } }): void;
  on_disposition(frame: { performative: { readonly role: boolean; first: number; last?: number } }): void;
  on_transfer(frame: { performative: { message_format?: number } }): void;
}

interface Terminus {
  readonly address?: string;
  readonly filter?: Readonly<Record<string, unknown>>;
}

export interface RheaLink {
  readonly name: string;
  readonly session: RheaSession;
  readonly connection: RheaConnection;
  readonly source: Terminus | null | undefined;
  readonly target: Terminus | null | undefined;
  readonly properties: Readonly<Record<string, unknown>> | null | undefined;
  readonly snd_settle_mode: number | undefined;
  readonly rcv_settle_mode: number | undefined;
  readonly state: { local_open: boolean; open_requests: number };
  readonly local: {
    readonly attach: {
      snd_settle_mode?: number;
      rcv_settle_mode?: number;
      max_message_size?: number;
      properties?: Readonly<Record<string, unknown>>;
    };
  };
  set_source(source: Terminus): void;
  set_target(target: Terminus): void;
  open(): void;
  close(error?: AmqpError): void;
  is_open(): boolean;
  is_receiver(): boolean;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each event has its own context
  on(event: string, listener: (context: any) => void): void;
}

export interface RheaSender extends RheaLink {
  credit: number;
  delivery_count: number;
  _draining: boolean;
  _drained: boolean;
  _get_drain: () => boolean;
  issue_flow: boolean;
  set_drained(drained: boolean): void;
  send(message: object, tag?: Buffer, format?: number): RheaDelivery;
}

export interface RheaReceiver extends RheaLink {
  add_credit(credit: number): void;
}

export interface RheaDelivery {
  readonly id: number;
  readonly format: number;
  readonly link: RheaLink;
  settled: boolean;
  remote_settled: boolean;
  state: unknown;
  readonly remote_state?: { readonly value: readonly (Typed | undefined)[] };
  update(settled: boolean, state: Typed): void;
}
