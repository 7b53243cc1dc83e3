/**
 * App settings: the environment, filled up from `local.settings.json`, and how options of bindings refer to them.
 */
import { readFile } from "node:fs/promises";
import { StartError } from "../part.js";

export interface HostSection {
  /** Origins that may call from a browser; `*` is all of them. */
  readonly corsOrigins: readonly string[];
  readonly corsCredentials: boolean;
}

interface LocalSettings {
  readonly IsEncrypted?: boolean;
  readonly Values?: Readonly<Record<string, unknown>>;
  readonly ConnectionStrings?: Readonly<Record<string, unknown>>;
  readonly Host?: { readonly CORS?: string; readonly CORSCredentials?: boolean };
}

/**
 * Reads `local.settings.json` as `func` does: `Values` go to the environment, where what is already set wins. `cors` names more
 * origins than `Host.CORS` does.
 * @throws StartError when the file cannot be read or is encrypted
 */
export async function loadLocalSettings(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
  cors = "",
): Promise<HostSection> {
  const settings = file === undefined ? {} : await readSettings(file);
  for (const [name, value] of Object.entries(settings.Values ?? {})) {
    environment[name] ??= toText(value);
  }
  for (const [name, value] of Object.entries(settings.ConnectionStrings ?? {})) {
    environment[`ConnectionStrings:${name}`] ??= toText(value);
  }
  // `func` sets both (azure-functions-core-tools, docs/host-configuration.md); libraries look at them.
  environment["AZURE_FUNCTIONS_ENVIRONMENT"] ??= "Development";
  environment["FUNCTIONS_WORKER_RUNTIME"] ??= "node";
  const { CORS = "", CORSCredentials = false } = settings.Host ?? {};
  return {
    corsOrigins: `${CORS},${cors}`
      .split(",")
      .map((origin) => origin.trim().replace(/\/$/, ""))
      .filter((origin) => origin !== ""),
    corsCredentials: CORSCredentials,
  };
}

async function readSettings(file: string): Promise<LocalSettings> {
  let settings: LocalSettings;
  try {
    settings = JSON.parse(await readFile(file, "utf8")) as LocalSettings;
  } catch (error) {
    // As with `func`, a file that is not there means that the environment has all settings.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new StartError(`${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  if (settings.IsEncrypted === true) {
    throw new StartError(
      `${file} is encrypted. Decrypt it with \`func settings decrypt\`, or write the values in plain text.`,
    );
  }
  return settings;
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Replaces each `%NAME%` by the setting of that name.
 * @throws StartError that names the setting which is missing
 */
export function resolveSettings(text: string, environment: NodeJS.ProcessEnv): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = environment[name];
    if (value === undefined) {
      throw new StartError(
        `'%${name}%' does not resolve to a value. Add ${name} to local.settings.json or the environment.`,
      );
    }
    return value;
  });
}

/** How to reach a Service Bus namespace: by a connection string, or by its host name with the identity of the app. */
export type ServiceBusConnection =
  { readonly connectionString: string } | { readonly fullyQualifiedNamespace: string; readonly clientId?: string };

/**
 * Looks up what `connection: "NAME"` means, in the order of the real extension (`ConfigurationExtensions.cs`,
 * `ServiceBusClientFactory.cs`): the setting itself, `ConnectionStrings:NAME`, the same with `AzureWebJobs` in front; else
 * `NAME__fullyQualifiedNamespace`. No name at all means `ServiceBus`.
 * @throws StartError that says which settings would do
 */
export function serviceBusConnection(
  connection: string | undefined,
  environment: NodeJS.ProcessEnv,
): ServiceBusConnection {
  const name = connection === undefined || connection === "" ? "ServiceBus" : connection;
  for (const each of [name, `AzureWebJobs${name}`]) {
    const connectionString = environment[each] ?? environment[`ConnectionStrings:${each}`];
    if (connectionString !== undefined && connectionString !== "") return { connectionString };
    const namespace = environment[`${each}__fullyQualifiedNamespace`];
    if (namespace === undefined || namespace === "") continue;
    const clientId = environment[`${each}__clientId`];
    return { fullyQualifiedNamespace: namespace, ...(clientId === undefined || clientId === "" ? {} : { clientId }) };
  }
  throw new StartError(
    `Service Bus connection '${name}' is not set. Set ${name} (a connection string) or ${name}__fullyQualifiedNamespace.`,
  );
}

/** Whether `AzureWebJobs.<name>.Disabled` (or, as Linux needs it, `AzureWebJobs__<name>__Disabled`) is on. */
export function isDisabled(functionName: string, environment: NodeJS.ProcessEnv): boolean {
  const value =
    environment[`AzureWebJobs.${functionName}.Disabled`] ?? environment[`AzureWebJobs__${functionName}__Disabled`];
  return value !== undefined && ["true", "1"].includes(value.toLowerCase());
}
