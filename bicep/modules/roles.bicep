// Who may do what, each with its reason. Nothing is granted on the group or the subscription. test/unit/bicep/roles.test.ts maps
// every SDK call of the app to one of these.
param principalId string
param developerPrincipalId string
param developerPrincipalType string
param serviceBusNamespaceName string
param hostStorageName string
param dataStorageName string
param webPubSubName string
param applicationInsightsName string

var topology = loadJsonContent('../../config/topology.json')

// learn.microsoft.com, built-in roles.
var roleIds = {
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobDelegator: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  serviceBusDataReceiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  serviceBusDataSender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  webPubSubServiceOwner: '12cf5a90-567b-43ae-8102-96cf46c7d9b4'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

// What the app does with the chat's data; a developer who runs the same code needs the same.
var principals = concat(
  [{ id: principalId, type: 'ServicePrincipal' }],
  empty(developerPrincipalId) ? [] : [{ id: developerPrincipalId, type: developerPrincipalType }]
)
var containerGrants = flatten(map(topology.containers, container => map(principals, principal => { container: container, principal: principal })))

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = { name: serviceBusNamespaceName }
resource hostAccount 'Microsoft.Storage/storageAccounts@2025-01-01' existing = { name: hostStorageName }
resource dataAccount 'Microsoft.Storage/storageAccounts@2025-01-01' existing = { name: dataStorageName }
resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = { parent: dataAccount, name: 'default' }
resource dataContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = [
  for grant in containerGrants: { parent: dataBlobs, name: grant.container }
]
resource webPubSub 'Microsoft.SignalRService/webPubSub@2024-03-01' existing = { name: webPubSubName }
resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = { name: applicationInsightsName }

// The Functions host: its package, its leases (one timer at a time over all instances), its timers' schedules.
resource hostOwnsItsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostAccount
  name: guid(hostAccount.id, principalId, roleIds.blobDataOwner)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.blobDataOwner)
  }
}

// Logs and metrics are taken from who has this role alone.
resource appReports 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, principalId, roleIds.monitoringMetricsPublisher)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.monitoringMetricsPublisher)
  }
}

// Triggers and the failures' timer: receive, complete, abandon, defer, peek, session locks. Not Owner: nobody manages queues at run time.
resource receives 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principals: {
    scope: namespace
    name: guid(namespace.id, principal.id, roleIds.serviceBusDataReceiver)
    properties: {
      principalId: principal.id
      principalType: principal.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.serviceBusDataReceiver)
    }
  }
]

// Texts, deadlines, failures: send, schedule, cancel what is scheduled.
resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principals: {
    scope: namespace
    name: guid(namespace.id, principal.id, roleIds.serviceBusDataSender)
    properties: {
      principalId: principal.id
      principalType: principal.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.serviceBusDataSender)
    }
  }
]

// Conversations, memberships, what is due: rows of every table.
resource writesRows 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principals: {
    scope: dataAccount
    name: guid(dataAccount.id, principal.id, roleIds.tableDataContributor)
    properties: {
      principalId: principal.id
      principalType: principal.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.tableDataContributor)
    }
  }
]

// Files: copy, read, replace, delete blobs of these containers; a user-delegation SAS gives away no more than its signer may.
resource writesBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (grant, i) in containerGrants: {
    scope: dataContainers[i]
    name: guid(dataAccount.id, grant.container, grant.principal.id, roleIds.blobDataContributor)
    properties: {
      principalId: grant.principal.id
      principalType: grant.principal.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.blobDataContributor)
    }
  }
]

// The key that signs those SAS is the account's to give: the role on a container is not enough.
resource delegates 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principals: {
    scope: dataAccount
    name: guid(dataAccount.id, principal.id, roleIds.blobDelegator)
    properties: {
      principalId: principal.id
      principalType: principal.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.blobDelegator)
    }
  }
]

// The ready check reads the blob service's properties: that nothing keeps what is deleted. No data role has that right.
resource readsAccountSettings 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principals: {
    scope: dataAccount
    name: guid(dataAccount.id, principal.id, roleIds.reader)
    properties: {
      principalId: principal.id
      principalType: principal.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.reader)
    }
  }
]

// Rooms, events, the tokens that clients connect with.
resource publishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principals: {
    scope: webPubSub
    name: guid(webPubSub.id, principal.id, roleIds.webPubSubServiceOwner)
    properties: {
      principalId: principal.id
      principalType: principal.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.webPubSubServiceOwner)
    }
  }
]
