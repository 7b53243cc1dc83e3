/**
 * The whole stack for one test file: real parts in processes of their own, on free ports, with an empty data folder.
 *
 * A part that dies unasked ends the stack, and then every call here fails with the last lines that the stack printed.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "..", "..");
const START_WITHIN_MS = 30_000;
const IDLE_WITHIN = "60s";
const LAST_LINES = 30;

/** `stack.json`. */
interface StackInfo {
  readonly functions: string;
  readonly serviceBus: string;
  readonly storage: string;
  readonly webPubSub: string;
  readonly issuer: string;
  readonly control: string;
  readonly pid: number;
  /** In identity mode: who signs the certificates. */
  readonly authority?: string;
}

interface StackOptions {
  /** A data folder that outlives the stack; otherwise it has a temporary one. */
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The functions have no key, but the names of their services and an identity. */
  readonly identity?: boolean;
}

interface SecondHost {
  readonly name: string;
  readonly address: string;
  /** Everything that it has logged. */
  log(): string;
  stop(): Promise<void>;
}

interface TokenOptions {
  /** Seconds. */
  readonly expiresIn?: number;
  readonly audience?: string;
}

/** A span, as the control shows it. */
export interface Span {
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: string;
  readonly service: string;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

export interface Stack {
  readonly info: StackInfo;
  readonly data: string;
  /** Wall time of the stack, in milliseconds since the epoch. */
  now(): Promise<number>;
  /** Moves the clock of every process on; resolves when all have followed. */
  advance(duration: string): Promise<void>;
  /** Resolves when no message is due or locked and no function runs; fails with what it waited for. */
  idle(): Promise<void>;
  kill(part: string, signal?: NodeJS.Signals): Promise<void>;
  start(part: string): Promise<void>;
  token(sub: string, roles?: readonly string[], options?: TokenOptions): Promise<string>;
  /** One more functions host with the same settings and clock; `disabled` names functions that it leaves out. */
  startSecondHost(disabled?: readonly string[]): Promise<SecondHost>;
  /** Base URL of the Service Bus stand-in's management port. */
  management(): Promise<string>;
  /**
   * The spans of a trace, in order, as soon as there is one of each of these names, two where it is there twice, and
   * the cause of each up to the caller's span.
   */
  spans(traceId: string, caller: string, names: readonly string[]): Promise<readonly Span[]>;
  /** Every line that the parts, or one part, have printed so far. */
  logs(part?: string): Promise<string>;
  /** Ends the stack and removes its folder; fails if a part had died before, or if a secret is in a log or a span. */
  stop(): Promise<void>;
}

/** What must be in no log: tokens of any kind, signatures of SAS URLs, keys of connection strings. */
const SECRET =
  /eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|\bsig=(?!\*|REDACTED)[^&\s"]{8,}|\b(?:SharedAccess|Account|Access)Key=[^;\s"]+/iu;

/** @throws Error that names the log's line without showing the secret. */
export function assertNoSecrets(logs: string, keys: readonly string[] = []): void {
  for (const [index, line] of logs.split("\n").entries()) {
    if (!SECRET.test(line) && !keys.some((key) => line.includes(key))) continue;
    throw new Error(`line ${String(index + 1)} of the logs has a secret in it: ${line.slice(0, 80)} …`);
  }
}

/** All that a span may say. None of it comes from what somebody wrote, and ids are ids. */
const ATTRIBUTES: Readonly<Record<string, RegExp>> = {
  "dayfly.conversation.id": /^[\da-f-]{36}$/i,
  "dayfly.message.id": /^[\da-f-]{36}$/i,
  "error.type": /^[\w.-]{1,64}$/,
  "faas.invocation_id": /^[\da-f-]{36}$/,
  "faas.name": /^[a-z]+$/i,
  "faas.trigger": /^[a-z]+$/i,
  "http.request.method": /^[A-Z]+$/,
  "http.response.status_code": /^\d{3}$/,
  "http.route": /^[\w/{}.-]+$/,
  "messaging.destination.name": /^[a-z-]+(\/\$deadletterqueue)?$/,
  "messaging.operation.name": /^[a-z]+$/,
  "messaging.operation.type": /^[a-z]+$/,
  "messaging.servicebus.message.delivery_count": /^\d+$/,
  "messaging.servicebus.message.sequence_number": /^\d+$/,
  "messaging.system": /^(servicebus|webpubsub)$/,
  "webpubsub.reached": /^\d+$/,
};
const NAME = /^((GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) )?[\w $/{}.-]+$/;

/** @throws Error that names the span and the attribute that says more than it may */
export function assertFewWords(spans: readonly Span[], keys: readonly string[] = []): void {
  for (const span of spans) {
    const wrong = Object.entries(span.attributes).find(([key, value]) => !ATTRIBUTES[key]?.test(String(value)));
    if (wrong !== undefined)
      throw new Error(`the span '${span.name}' says ${wrong[0]}: ${String(wrong[1]).slice(0, 20)}`);
    if (!NAME.test(span.name)) throw new Error(`a span has the name '${span.name}'`);
    assertNoSecrets(JSON.stringify(span), keys);
  }
}

/** The values of the keys in connection strings. */
function keysOf({ serviceBus, storage, webPubSub }: StackInfo): readonly string[] {
  return [serviceBus, storage, webPubSub].flatMap((connection) =>
    [...connection.matchAll(/Key=([^;]{8,})/gu)].map(([, key = ""]) => key),
  );
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const data = options.data ?? (await mkdtemp(path.join(tmpdir(), "dayfly-")));
  // With a channel to this process: should jest be killed, the stack ends as well.
  const child = fork(path.join(ROOT, "out", "local", "start.js"), options.identity === true ? ["--identity"] : [], {
    execArgv: ["--enable-source-maps"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // A test says more in a minute than a person; the limits have a test of their own.
    env: {
      ...process.env,
      DAYFLY_PORTS: "0",
      NO_COLOR: "1",
      RATE_LIMIT_FACTOR: "1000",
      ...options.env,
      DAYFLY_DATA: data,
    },
  });
  const supervisor = new Supervisor(child);
  await supervisor.ready();
  const info = JSON.parse(await readFile(path.join(data, "stack.json"), "utf8")) as StackInfo;

  const ask = async <T>(url: string, body?: unknown): Promise<T> => {
    supervisor.assertRuns();
    const response = await fetch(url, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }).catch(
      (error: unknown) => {
        throw supervisor.failure(`${url} does not answer: ${String(error)}`);
      },
    );
    const answer = (await response.json()) as T & { readonly error?: string };
    if (!response.ok) throw supervisor.failure(`${url}: ${answer.error ?? String(response.status)}`);
    return answer;
  };
  const control = (route: string, body?: unknown): Promise<Record<string, string>> =>
    ask(`${info.control}${route}`, body);
  const logs = async (part?: string): Promise<string> => {
    const files = part === undefined ? await readdir(path.join(data, "logs")) : [`${part}.log`];
    const texts = await Promise.all(files.map((file) => readFile(path.join(data, "logs", file), "utf8")));
    return texts.join("") + (part === undefined ? supervisor.errors() : "");
  };
  const logFile = (part: string): string => path.join(data, "logs", `${part}.log`);
  return {
    info,
    data,
    now: async () => Date.parse((await control("/time"))["now"] ?? ""),
    advance: async (duration) => {
      await control("/time", { advance: duration });
    },
    idle: async () => {
      await control(`/idle?timeout=${IDLE_WITHIN}`);
    },
    kill: async (part, signal = "SIGKILL") => {
      await control(`/parts/${part}/kill`, { signal });
    },
    start: async (part) => {
      await control(`/parts/${part}/start`, {});
    },
    token: async (sub, roles = [], more = {}) => {
      const body = { sub, ...(roles.length === 0 ? {} : { roles }), ...more };
      return (await ask<{ access_token: string }>(`${info.issuer}/token`, body)).access_token;
    },
    startSecondHost: async (disabled = []) => {
      const { name = "", address = "" } = await control("/parts", { like: "functions", disabled });
      return {
        name,
        address,
        log: () => readFileSync(logFile(name), "utf8"),
        stop: async () => {
          await control(`/parts/${name}/kill`, { signal: "SIGTERM" });
        },
      };
    },
    management: async () => {
      const { parts } = await ask<{ parts: { name: string; management?: string }[] }>(`${info.control}/parts`);
      return parts.find(({ name }) => name === "service-bus")?.management ?? "";
    },
    spans: async (traceId, caller, names) => {
      const has = names.map((name) => `has=${encodeURIComponent(name)}`).join("&");
      return (
        await ask<{ spans: Span[] }>(`${info.control}/traces/${traceId}?timeout=${IDLE_WITHIN}&caller=${caller}&${has}`)
      ).spans;
    },
    logs,
    stop: async () => {
      const died = supervisor.hasEnded() ? supervisor.failure("the stack ended before the test") : undefined;
      const { spans } = died === undefined ? await ask<{ spans: Span[] }>(`${info.control}/spans`) : { spans: [] };
      await supervisor.stop();
      const printed = await logs();
      if (options.data === undefined) await rm(data, { recursive: true, force: true });
      if (died !== undefined) throw died;
      assertNoSecrets(printed, keysOf(info));
      assertFewWords(spans, keysOf(info));
    },
  };
}

/** The process that runs the stack, and what it has printed. */
class Supervisor {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #errors = "";
  #output = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout
      ?.setEncoding("utf8")
      .on("data", (text: string) => (this.#output = (this.#output + text).slice(-50_000)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
      this.#output += text;
    });
    this.#ended = new Promise((resolve) => child.once("exit", () => resolve()));
  }

  /** Resolves when the stack says that it is ready. */
  async ready(): Promise<void> {
    const said = once(this.#child, "message", { signal: AbortSignal.timeout(START_WITHIN_MS) });
    const isReady = await Promise.race([said.then(() => true), this.#ended.then(() => false)]).catch(() => {
      this.#child.kill("SIGKILL");
      throw this.failure("the stack was not ready in time");
    });
    if (!isReady) throw this.failure("the stack did not start");
    // The channel alone must not keep jest from ending.
    this.#child.channel?.unref();
  }

  async stop(): Promise<void> {
    if (!this.hasEnded()) this.#child.kill("SIGTERM");
    await this.#ended;
  }

  hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  assertRuns(): void {
    if (this.hasEnded()) throw this.failure("the stack has ended");
  }

  errors(): string {
    return this.#errors;
  }

  failure(what: string): Error {
    const lines = this.#output.trimEnd().split("\n").slice(-LAST_LINES);
    return new Error(`${what}. The stack's last lines:\n${lines.join("\n")}`);
  }
}
