/**
 * The one place in `local/` that knows the app: the settings it reads, who its tokens are for, and what to try first.
 *
 * On Azure the same settings come from Bicep.
 */

/** Proves reported messages on one developer's machine, and nowhere else. */
const REPORT_KEY = "a key for one developer's machine alone";

/** The audience that the app asks of a token. */
export const AUDIENCE = "dayfly";

/** What the functions load first: loaded ahead of them, it shortens each of their starts. */
export const WARM_UP = [
  "@azure/service-bus",
  "@azure/data-tables",
  "@azure/storage-blob",
  "@azure/web-pubsub",
  "jose",
  "zod",
] as const;

/** Users for whom the banner shows tokens. */
export const SAMPLE_USERS = ["ana", "bo"] as const;

/** Pages that the control serves: the path, and the folder below `out/`. */
export const PAGES = { chat: "demo/web", dashboard: "local/dashboard" } as const;

/** What `npm run local -- seed` runs, below `out/`; it finds the stack in DAYFLY_STACK, and says what it can do. */
export const SEED_PROGRAM = "demo/seed.js";

export interface Connections {
  readonly storage: string;
  readonly serviceBus: string;
  readonly webPubSub: string;
  readonly hub: string;
  readonly issuer: string;
}

/** When the timers run, unless the environment of `npm start` says otherwise. */
const SCHEDULES = {
  SWEEP_SCHEDULE: "0 */5 * * * *",
  CLEAN_UP_SCHEDULE: "0 10 * * * *",
  PARK_SCHEDULE: "*/30 * * * * *",
  FILE_SWEEP_SCHEDULE: "0 */15 * * * *",
} as const;

/** What the functions process finds in its environment; stronger than `local.settings.json`. */
export function appSettings(
  connections: Connections,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const schedules = Object.entries(SCHEDULES).map(([name, usual]) => [name, environment[name] ?? usual] as const);
  return {
    FUNCTIONS_WORKER_RUNTIME: "node",
    AzureWebJobsStorage: connections.storage,
    SERVICE_BUS: connections.serviceBus,
    STORAGE: connections.storage,
    WEB_PUBSUB: connections.webPubSub,
    WEB_PUBSUB_HUB: connections.hub,
    AUTH_ISSUER: connections.issuer,
    AUTH_AUDIENCE: AUDIENCE,
    REPORT_KEYS: REPORT_KEY,
    ...Object.fromEntries(schedules),
  };
}

/** Where the services are, for an app that signs in to them. */
export interface Services {
  /** Host and port. */
  readonly serviceBus: string;
  readonly tables: string;
  readonly blobs: string;
  readonly webPubSub: string;
  readonly clientId: string;
}

/** The same with names of services and an identity, as on Azure: no key is among them. */
export function identitySettings(
  services: Services,
  { hub, issuer }: Pick<Connections, "hub" | "issuer">,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return {
    // Empty rather than absent: `local.settings.json` must not fill them up.
    ...appSettings({ storage: "", serviceBus: "", webPubSub: "", hub, issuer }, environment),
    // On Azure a reference to Key Vault.
    REPORT_KEYS: "",
    AzureWebJobsStorage__blobServiceUri: services.blobs,
    SERVICE_BUS__fullyQualifiedNamespace: services.serviceBus,
    SERVICE_BUS__credential: "managedidentity",
    SERVICE_BUS__clientId: services.clientId,
    STORAGE__tableServiceUri: services.tables,
    STORAGE__blobServiceUri: services.blobs,
    WEB_PUBSUB__endpoint: services.webPubSub,
    AZURE_CLIENT_ID: services.clientId,
  };
}

/** The hub's settings, as Bicep writes them: its sockets' events go to the functions. */
export const hubSettings = (hub: string, functions: string): object => ({
  hubs: {
    [hub]: {
      eventHandlers: [
        {
          urlTemplate: `${functions}/api/webpubsub/events`,
          userEventPattern: "*",
          systemEvents: ["connected", "disconnected"],
        },
      ],
    },
  },
});

/** Commands that show something, to be copied from the banner. */
export function commandsToTry(functions: string, token: string): readonly string[] {
  return [
    "npm run demo",
    `curl ${functions}/api/v1/conversations -H "authorization: Bearer ${token}"`,
    "npm run local -- time +24h",
  ];
}
