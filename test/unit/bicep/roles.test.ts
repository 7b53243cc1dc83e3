/** Each call that the app makes of Azure's SDKs needs a role, and that role is granted. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { TableClient } from "@azure/data-tables";
import { ServiceBusClient } from "@azure/service-bus";
import { BlobClient, BlobServiceClient, BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { WebPubSubServiceClient } from "@azure/web-pubsub";

const ROOT = path.resolve(import.meta.dirname, "..", "..", "..");
const ROLES = readFileSync(path.join(ROOT, "bicep", "modules", "roles.bicep"), "utf8");
const adapters = readdirSync(path.join(ROOT, "src", "lib", "azure"))
  .map((file) => readFileSync(path.join(ROOT, "src", "lib", "azure", file), "utf8"))
  .join("\n");

/** No role: they make objects, or end them. */
const NOTHING: readonly string[] = [];
/** Method → roles (names as in roles.bicep). Sources: each service's "authorize with Microsoft Entra ID" page. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  // Service Bus
  sendMessages: ["serviceBusDataSender"],
  scheduleMessages: ["serviceBusDataSender"],
  cancelScheduledMessages: ["serviceBusDataSender"],
  createMessageBatch: ["serviceBusDataSender"],
  receiveMessages: ["serviceBusDataReceiver"],
  receiveDeferredMessages: ["serviceBusDataReceiver"],
  peekMessages: ["serviceBusDataReceiver"],
  completeMessage: ["serviceBusDataReceiver"],
  abandonMessage: ["serviceBusDataReceiver"],
  deferMessage: ["serviceBusDataReceiver"],
  createSender: NOTHING,
  createReceiver: NOTHING,
  close: NOTHING,
  // Table Storage
  createEntity: ["tableDataContributor"],
  updateEntity: ["tableDataContributor"],
  upsertEntity: ["tableDataContributor"],
  deleteEntity: ["tableDataContributor"],
  getEntity: ["tableDataContributor"],
  listEntities: ["tableDataContributor"],
  submitTransaction: ["tableDataContributor"],
  fromConnectionString: NOTHING,
  // Web PubSub
  getClientAccessToken: ["webPubSubServiceOwner"],
  sendToAll: ["webPubSubServiceOwner"],
  addConnectionsToGroups: ["webPubSubServiceOwner"],
  removeConnectionsFromGroups: ["webPubSubServiceOwner"],
  closeUserConnections: ["webPubSubServiceOwner"],
  groupExists: ["webPubSubServiceOwner"],
  group: NOTHING,
  // Blob Storage
  getContainerClient: NOTHING,
  getBlobClient: NOTHING,
  getBlockBlobClient: NOTHING,
  // A key that signs SAS is the account's; its service's properties are read by the ready check.
  getUserDelegationKey: ["blobDelegator"],
  getProperties: ["blobDataContributor", "reader"],
  syncCopyFromURL: ["blobDataContributor"],
  setHTTPHeaders: ["blobDataContributor"],
  upload: ["blobDataContributor"],
  download: ["blobDataContributor"],
  deleteIfExists: ["blobDataContributor"],
  listBlobsFlat: ["blobDataContributor"],
  // Only with FILE_SCANNER=defender: docs/operations.md says which role to add.
  getTags: NOTHING,
};

const methodsOf = (value: object): readonly string[] => {
  const names = new Set<string>();
  for (
    let each: object | null = value;
    each !== null && each !== Object.prototype;
    each = Object.getPrototypeOf(each) as object | null
  )
    for (const name of Object.getOwnPropertyNames(each))
      if (name !== "constructor" && !name.startsWith("_")) names.add(name);
  return [...names];
};

/** Everything that the clients can do, as the packages that are installed have it. */
function sdkMethods(): ReadonlySet<string> {
  const bus = new ServiceBusClient("Endpoint=sb://x.example/;SharedAccessKeyName=x;SharedAccessKey=eA==");
  const hub = new WebPubSubServiceClient("Endpoint=https://x.example;AccessKey=eA==;", "x");
  const objects: object[] = [
    bus,
    bus.createSender("x"),
    bus.createReceiver("x"),
    hub,
    hub.group("x"),
    TableClient.prototype,
  ];
  objects.push(BlobServiceClient.prototype, ContainerClient.prototype, BlobClient.prototype, BlockBlobClient.prototype);
  return new Set(objects.flatMap(methodsOf));
}

/** Names that other objects have, too, and which need no role where a client has them. */
const COMMON = new Set([
  "entityPath",
  "identifier",
  "isClosed",
  "name",
  "url",
  "endpoint",
  "hubName",
  "apiVersion",
  "next",
  "client",
  "get",
]);

test("every SDK call is in the table", () => {
  const methods = sdkMethods();
  const called = [...new Set([...adapters.matchAll(/\.\s*(\w+)(?:<[\w\s,]+>)?\(/g)].map(([, name = ""]) => name))];
  const ofSdks = called.filter((name) => methods.has(name) && !COMMON.has(name));
  expect(ofSdks.length).toBeGreaterThan(15);
  expect(ofSdks.filter((name) => !(name in NEEDS))).toEqual([]);
});

test("every role that a call needs is granted, and none that no call needs but the host's", () => {
  const granted = new Set([...ROLES.matchAll(/guid\([^)]*roleIds\.(\w+)\)/g)].map(([, role]) => role));
  const needed = new Set(Object.values(NEEDS).flat());
  const ofTheHost = ["blobDataOwner", "monitoringMetricsPublisher"];
  expect([...granted].sort()).toEqual([...needed, ...ofTheHost].sort());
});

test("every grant says why, and goes to one resource", () => {
  for (const [, before = ""] of ROLES.matchAll(/([^\n]*)\nresource \w+ 'Microsoft\.Authorization\/roleAssignments/g))
    expect(before).toMatch(/^\/\/ .{20}/);
  expect(
    ROLES.match(
      /^ {2,4}scope: (namespace|hostAccount|dataAccount|dataContainers\[i\]|webPubSub|applicationInsights)$/gm,
    ),
  ).toHaveLength(ROLES.match(/^resource \w+ 'Microsoft\.Authorization/gm)?.length ?? -1);
});
