// The namespace and all its queues, as config/topology.json says: a new queue needs no change here.
param location string
param tags object
param token string
param privateNetworking bool

var topology = loadJsonContent('../../config/topology.json')

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: 'sb-${token}'
  location: location
  tags: tags
  sku: {
    name: privateNetworking ? 'Premium' : 'Standard'
    tier: privateNetworking ? 'Premium' : 'Standard'
    capacity: privateNetworking ? 1 : null
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: privateNetworking ? 'Disabled' : 'Enabled'
    premiumMessagingPartitions: privateNetworking ? 1 : null
  }
}

// requiresSession and requiresDuplicateDetection cannot be changed later: a queue that needs another value needs another name.
resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queue in topology.queues: {
    parent: namespace
    name: queue.name
    properties: {
      requiresSession: queue.requiresSession
      requiresDuplicateDetection: queue.requiresDuplicateDetection
      duplicateDetectionHistoryTimeWindow: queue.?duplicateDetectionHistoryTimeWindow ?? 'PT10M'
      defaultMessageTimeToLive: queue.defaultMessageTimeToLive
      deadLetteringOnMessageExpiration: queue.deadLetteringOnMessageExpiration
      lockDuration: queue.lockDuration
      maxDeliveryCount: queue.maxDeliveryCount
      maxSizeInMegabytes: 5120
    }
  }
]

output name string = namespace.name
output host string = '${namespace.name}.servicebus.windows.net'
