/** The hub settings, which in Azure are the `hubs` children of the resource, with the same names. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { StartError } from "../part.js";
import { hubNameOf } from "./names.js";

const eventHandler = z.strictObject({
  urlTemplate: z
    .string()
    .refine((url) => /^https?:\/\//.test(url), "must start with http:// or https://")
    .refine((url) => !url.includes("{@Microsoft.KeyVault("), "a Key Vault reference cannot be resolved locally"),
  /** `*` or a list, "a,b"; no user events without it. */
  userEventPattern: z.string().optional(),
  systemEvents: z.array(z.enum(["connect", "connected", "disconnected"])).optional(),
  auth: z.strictObject({ type: z.literal("None", "managed identities do not exist locally: use None") }).optional(),
});

const settings = z.strictObject({
  hubs: z
    .record(
      z.string().refine((name) => hubNameOf(name) !== undefined, "is not a hub name: letters and digits, no hyphen"),
      z.strictObject({
        eventHandlers: z.array(eventHandler).optional(),
        anonymousConnectPolicy: z.enum(["Allow", "Deny"]).optional(),
      }),
    )
    .optional(),
});

export type EventHandler = z.infer<typeof eventHandler>;

interface HubSettings {
  readonly eventHandlers: readonly EventHandler[];
  readonly anonymousConnectPolicy: "Allow" | "Deny";
}

/** By hub name in lower case. A hub without settings exists all the same, as in Azure. */
export type Settings = ReadonlyMap<string, HubSettings>;

function parseSettings(value: unknown): Settings {
  const { hubs = {} } = settings.parse(value);
  return new Map(
    Object.entries(hubs).map(([name, { eventHandlers = [], anonymousConnectPolicy = "Deny" }]) => [
      name.toLowerCase(),
      { eventHandlers, anonymousConnectPolicy },
    ]),
  );
}

/** @throws StartError when the file cannot be read, or is not what `--settings` takes. */
export async function loadSettings(file: string): Promise<Settings> {
  try {
    return parseSettings(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new StartError(`The settings in ${file} cannot be used: ${reason}`);
  }
}
