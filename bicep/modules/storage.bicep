// Two accounts: the host's (package, leases, timers), and the chat's. So the app is owner of no account that has users' data in it.
param location string
param tags object
param token string
param allowedOrigins array
param zoneRedundant bool
param privateNetworking bool

var topology = loadJsonContent('../../config/topology.json')
var skuName = zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
var packageContainer = 'packages'
// What the local stack allows the browsers too, but for the origins.
var blobCors = [
  for rule in topology.?blobCors ?? []: {
    allowedOrigins: allowedOrigins
    allowedMethods: rule.allowedMethods
    allowedHeaders: rule.allowedHeaders
    exposedHeaders: rule.exposedHeaders
    maxAgeInSeconds: rule.maxAgeInSeconds
  }
]

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'sthost${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: skuName }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetworking ? 'Disabled' : 'Enabled'
  }
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: hostAccount
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: hostBlobs
  name: packageContainer
  properties: { publicAccess: 'None' }
}

// Browsers upload to it and read from it, with a short SAS: it is public by address, and closed to all who have none.
resource dataAccount 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'stdata${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: skuName }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    // A SAS of ours lives for minutes; one for longer than this is logged.
    sasPolicy: { sasExpirationPeriod: '0.01:00:00', expirationAction: 'Log' }
  }
}

// What is deleted is gone: nothing that keeps old versions or deleted blobs may be on. /api/health/ready checks it as well.
resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: dataAccount
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: false }
    containerDeleteRetentionPolicy: { enabled: false }
    restorePolicy: { enabled: false }
    changeFeed: { enabled: false }
    isVersioningEnabled: false
    cors: { corsRules: blobCors }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for container in topology.containers: {
    parent: dataBlobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource dataTables 'Microsoft.Storage/storageAccounts/tableServices@2025-01-01' = {
  parent: dataAccount
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' = [
  for table in topology.tables: {
    parent: dataTables
    name: table
  }
]

// A backstop, should everything else fail: no blob of the chat is older than a file may become (168 hours), and a day.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = if (!empty(topology.containers)) {
  parent: dataAccount
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'forget-blobs'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: { baseBlob: { delete: { daysAfterCreationGreaterThan: 8 } } }
          }
        }
      ]
    }
  }
}

output hostAccountName string = hostAccount.name
output dataAccountName string = dataAccount.name
output packageContainerUrl string = '${hostAccount.properties.primaryEndpoints.blob}${packageContainer}'
output tableServiceUri string = dataAccount.properties.primaryEndpoints.table
output blobServiceUri string = dataAccount.properties.primaryEndpoints.blob
