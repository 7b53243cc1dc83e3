/** The hub with its event handler, as Azure's management API takes it. It cannot be in Bicep: the service asks the functions first. */
export const HUB_TYPE = "Microsoft.SignalRService/webPubSub/hubs@2024-03-01";

/**
 * @param {string} functionsUrl
 * @param {string} audience of the tokens that Web PubSub's identity brings along
 */
export function hub(functionsUrl, audience) {
  return {
    properties: {
      anonymousConnectPolicy: "deny",
      eventHandlers: [
        {
          urlTemplate: `${functionsUrl}/api/webpubsub/events`,
          userEventPattern: "*",
          systemEvents: ["connected", "disconnected"],
          auth: { type: "ManagedIdentity", managedIdentity: { resource: audience } },
        },
      ],
    },
  };
}

/** @param {string} webPubSubId resource id @param {string} name of the hub */
export function hubAddress(webPubSubId, name) {
  const version = HUB_TYPE.split("@")[1];
  return `https://management.azure.com${webPubSubId}/hubs/${name}?api-version=${version}`;
}
