/**
 * Every setting that the app reads, in one schema. A dependency is named by a connection string, or by its address (then the
 * app signs in with its identity), in the Functions host's own way: `NAME`, or `NAME__property`.
 */
import { z } from "zod";
import { canonicalType, DEFAULT_FILE_TYPES } from "./domain/file-types.js";
import { isHookAddress } from "./webhook.js";

const text = z.string().min(1);

/** OpenTelemetry's own variables (opentelemetry.io, sdk-environment-variables); without the first nothing is traced. */
const tracing = {
  /** Of an OTLP/HTTP collector; `/v1/traces` is added. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  /** `name=value`, separated by commas, values percent-encoded: what the collector asks of its callers. */
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .refine(isHeaderList, { error: "must be name=value, separated by commas, values percent-encoded" })
    .transform(headersOf)
    .default({}),
  OTEL_SERVICE_NAME: text.default("dayfly"),
  OTEL_TRACES_SAMPLER: z
    .enum([
      ...(["always_on", "always_off", "traceidratio"] as const),
      ...(["parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"] as const),
    ])
    .default("traceidratio"),
  /** Which part of the traces a `…traceidratio` sampler takes. */
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
};

const HEADER = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*([\x21-\x2b\x2d-\x7e]*)\s*$/;

function isHeaderList(list: string): boolean {
  try {
    decodeURIComponent(list);
  } catch {
    return false;
  }
  return list.split(",").every((header) => HEADER.test(header));
}

function headersOf(list: string): Readonly<Record<string, string>> {
  const pairs = list.split(",").map((header) => HEADER.exec(header) ?? []);
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name.toLowerCase(), decodeURIComponent(value)]));
}

const Settings = z
  .object({
    SERVICE_BUS: text.optional(),
    SERVICE_BUS__fullyQualifiedNamespace: text.optional(),
    STORAGE: text.optional(),
    STORAGE__tableServiceUri: z.url().optional(),
    STORAGE__blobServiceUri: z.url().optional(),
    WEB_PUBSUB: text.optional(),
    WEB_PUBSUB__endpoint: z.url().optional(),
    WEB_PUBSUB_HUB: text.default("chat"),
    /** Client id of the user-assigned identity; absent for the system-assigned one. */
    AZURE_CLIENT_ID: text.optional(),
    /** The `iss` of every token; its discovery document names the keys. */
    AUTH_ISSUER: z.url(),
    AUTH_AUDIENCE: text,
    /** How long a text lives that not all agree to keep; less than a day for a deployment that is only tried out. */
    TEXT_HOURS: z.coerce.number().min(0.05).max(24).default(24),
    /** How long a text is kept that all have agreed to keep. */
    RETENTION_DAYS: z.coerce.number().int().min(1).max(365).default(30),
    /** How long a file lives that nobody closes. */
    FILE_HOURS: z.coerce.number().min(1).max(168).default(24),
    /** Media types of which files are taken, separated by commas. */
    FILE_TYPES: z
      .string()
      .transform((list) => list.split(",").map(canonicalType))
      .default([...DEFAULT_FILE_TYPES]),
    /** What one user may send on one day (UTC). */
    FILES_PER_DAY: z.coerce.number().int().min(1).default(500),
    FILE_BYTES_PER_DAY: z.coerce
      .number()
      .int()
      .min(1)
      .default(5 * 1024 ** 3),
    /** `signature` knows EICAR's test file and nothing else; `defender` waits for the result of Defender for Storage. */
    FILE_SCANNER: z.enum(["signature", "defender"]).default("signature"),
    /** The claim that says who the user is. */
    AUTH_USER_CLAIM: text.default("sub"),
    /** The claim that lists the user's roles; `operator` may see and do what `ops` routes offer. */
    AUTH_ROLES_CLAIM: text.default("roles"),
    /** How long the audit trail is kept. */
    AUDIT_DAYS: z.coerce.number().int().min(1).max(3650).default(365),
    /**
     * Keys of the hashes that prove what a reported message said, separated by commas: the first makes them, all verify. Without
     * one reports are taken without evidence; a reference to Key Vault that the platform could not resolve is none.
     */
    REPORT_KEYS: z
      .string()
      .transform((list) => list.split(",").map((key) => key.trim()))
      .transform((keys) => keys.filter((key) => key !== "" && !key.startsWith("@Microsoft.KeyVault(")))
      .refine((keys) => keys.every((key) => key.length >= 32), { error: "each key must have at least 32 characters" })
      .default([]),
    /** Multiplies every rate limit: below 1 for stricter ones. */
    RATE_LIMIT_FACTOR: z.coerce.number().positive().default(1),
    /** How many proxies of ours stand before the functions: their addresses end `X-Forwarded-For`, after the caller's. */
    TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0),
    /** When the sweeper runs: NCRONTAB. The Functions host reads it, as `%SWEEP_SCHEDULE%`. */
    SWEEP_SCHEDULE: text.optional(),
    /** When log entries and tombstones are forgotten that are old enough: NCRONTAB. */
    CLEAN_UP_SCHEDULE: text.optional(),
    /** When failures are written down, tended and redriven: NCRONTAB, like the sweeper's. */
    PARK_SCHEDULE: text.optional(),
    /** When blobs are compared with the files they belong to, as `%FILE_SWEEP_SCHEDULE%`. */
    FILE_SWEEP_SCHEDULE: text.optional(),
    /** The app's push service, told of messages that users have not heard of; off unless set, with the secret that signs. */
    HOOK_URL: text
      .refine(isHookAddress, { error: "must be https:// (http:// on this machine), without a user" })
      .optional(),
    /** Base64, `whsec_` before it or not. */
    HOOK_SECRET: text
      .regex(/^(whsec_)?[A-Za-z0-9+/]{32,}={0,2}$/, { error: "must be 24 bytes or more in base64" })
      .optional(),
    /** For how long after its delivery a message may be unacknowledged before that. */
    HOOK_AFTER_SECONDS: z.coerce.number().int().min(1).max(3600).default(30),
    /** Whose token proves that upstream events come from Web PubSub, where no access key signs them: issuer, audience, `oid`. */
    EVENTS_ISSUER: z.url().optional(),
    EVENTS_AUDIENCE: text.optional(),
    EVENTS_PRINCIPAL: text.optional(),
    ...tracing,
  })
  .superRefine((settings, context) => {
    if ((settings.HOOK_URL === undefined) !== (settings.HOOK_SECRET === undefined)) {
      context.addIssue({ code: "custom", path: ["HOOK_SECRET"], message: "HOOK_URL and HOOK_SECRET go together" });
    }
    for (const [name, property] of [
      ["SERVICE_BUS", "fullyQualifiedNamespace"],
      ["STORAGE", "tableServiceUri"],
      ["STORAGE", "blobServiceUri"],
      ["WEB_PUBSUB", "endpoint"],
    ] as const) {
      const byAddress = `${name}__${property}` as keyof typeof settings;
      if (settings[name] === undefined && settings[byAddress] === undefined) {
        context.addIssue({
          code: "custom",
          path: [name],
          message: `missing: set it, or ${byAddress} to sign in with an identity`,
        });
      }
    }
  });

export type Config = Readonly<z.infer<typeof Settings>>;

const TracingSettings = z.object({
  ...tracing,
  OTEL_EXPORTER_OTLP_ENDPOINT: tracing.OTEL_EXPORTER_OTLP_ENDPOINT.unwrap(),
});
export type Tracing = Readonly<z.infer<typeof TracingSettings>>;

/** Where spans are sent to; undefined where nothing, or nothing right, is set: `readConfig` tells what is wrong. */
export function readTracing(environment: NodeJS.ProcessEnv = process.env): Tracing | undefined {
  // The usual case, and on the way of each cold start.
  if ((environment["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "") === "") return undefined;
  return TracingSettings.safeParse(given(environment)).data;
}

/** The names of all settings; a test compares them with local.settings.example.json. */
export const SETTING_NAMES: readonly string[] = Object.keys(Settings.shape);

/**
 * Reads the settings from the environment.
 * @throws Error that lists everything that is wrong, and where to set it
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const result = Settings.safeParse(given(environment));
  if (result.success) return Object.freeze(result.data);
  const problems = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(
    `The settings are not complete; set them in local.settings.json (see local.settings.example.json) or in the app settings:\n  ${problems.join("\n  ")}`,
  );
}

/** An app setting that is there but empty is one that somebody has cleared. */
const given = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
