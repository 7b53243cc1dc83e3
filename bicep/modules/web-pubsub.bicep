// Web PubSub for Socket.IO, serverless. The hub comes into being with its first use; only an event handler needs it written down,
// and that is set by a hook, once the functions answer (scripts/azd/postdeploy.js).
param location string
param tags object
param token string
param sku string
param units int

resource webPubSub 'Microsoft.SignalRService/webPubSub@2024-03-01' = {
  name: 'wps-${token}'
  location: location
  tags: tags
  kind: 'SocketIO'
  sku: { name: sku, capacity: sku == 'Free_F1' ? 1 : units }
  // With it the service signs in at the functions, where the event handler is on.
  identity: { type: 'SystemAssigned' }
  properties: {
    socketIO: { serviceMode: 'Serverless' }
    disableLocalAuth: true
    disableAadAuth: false
    publicNetworkAccess: 'Enabled'
    tls: { clientCertEnabled: false }
  }
}

output id string = webPubSub.id
output name string = webPubSub.name
output endpoint string = 'https://${webPubSub.properties.hostName}'
output principalId string = webPubSub.identity.principalId
