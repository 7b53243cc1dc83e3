// Only with `privateNetworking`: the namespace and the host's storage answer inside this network alone. The chat's storage and Web PubSub
// stay public by address, for browsers talk to them; keys are off, so an address alone opens nothing.
param location string
param tags object
param token string
param serviceBusNamespaceName string
param hostStorageName string

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = { name: serviceBusNamespaceName }
resource hostAccount 'Microsoft.Storage/storageAccounts@2025-01-01' existing = { name: hostStorageName }

var targets = [
  { name: 'service-bus', resourceId: namespace.id, group: 'namespace', zone: 'privatelink.servicebus.windows.net' }
  { name: 'host-blobs', resourceId: hostAccount.id, group: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}' }
]

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${token}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/16'] }
    subnets: [
      {
        // A function app on Flex Consumption has a subnet to itself.
        name: 'functions'
        properties: {
          addressPrefix: '10.0.0.0/24'
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: { addressPrefix: '10.0.1.0/24', privateEndpointNetworkPolicies: 'Disabled' }
      }
    ]
  }
}

resource functionsSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = { parent: network, name: 'functions' }
resource endpointsSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = { parent: network, name: 'endpoints' }

resource zones 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for target in targets: {
    name: target.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (target, i) in targets: {
    parent: zones[i]
    name: 'to-${token}'
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for target in targets: {
    name: 'pe-${target.name}-${token}'
    location: location
    tags: tags
    properties: {
      subnet: { id: endpointsSubnet.id }
      privateLinkServiceConnections: [
        {
          name: target.name
          properties: { privateLinkServiceId: target.resourceId, groupIds: [target.group] }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (target, i) in targets: {
    parent: endpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: target.name, properties: { privateDnsZoneId: zones[i].id } }]
    }
  }
]

output functionsSubnetId string = functionsSubnet.id
