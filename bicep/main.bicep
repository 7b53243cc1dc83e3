// Everything that `azd up` makes. One resource group; the modules are named after the services.
// Read this file first: it says what is asked for, what goes where, and what it costs more.
targetScope = 'subscription'

@description('Name of the azd environment; names and tags derive from it.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Azure region of everything. It must offer Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('The `iss` of every token: any OpenID Connect provider, e.g. https://login.microsoftonline.com/<tenant>/v2.0.')
param authIssuer string

@description('The audience that a token must name.')
param authAudience string

@description('A Key Vault reference to the keys that prove reported messages, `@Microsoft.KeyVault(SecretUri=...)`. Empty: reports have no evidence.')
param reportKeys string = ''
@description('Your push service: told, by ids, of messages that users have not heard of. Empty: nobody is told.')
param hookUrl string = ''

@description('The secret that signs what it is told, base64. `@Microsoft.KeyVault(SecretUri=…)` refers to a vault.')
@secure()
param hookSecret string = ''

@description('An OTLP/HTTP collector that takes the spans of the app. Empty: none are made.')
param otlpEndpoint string = ''

@description('What that collector asks for: `name=value`, separated by commas. `@Microsoft.KeyVault(SecretUri=…)` refers to a vault.')
@secure()
param otlpHeaders string = ''

@description('Where alerts and the budget\'s warnings go. Empty: alerts are raised and seen in the portal alone.')
param alertEmail string = ''

@description('Origins of the browsers that may call the API and upload files. An app on any origin has to bring a token all the same.')
param allowedOrigins array = ['*']

@description('Memory of an instance: 512 MB (a quarter of a core), 2048 (one core) or 4096 (two).')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('Most instances of one function group: the fuse of the bill.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances that are always there for HTTP calls: no cold start, about $5 a month each at 512 MB. Zone redundancy needs two.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@description('Free_F1: 20 sockets, 20,000 messages a day, for a trial. Standard_S1: 1,000 sockets and a million messages a day for each unit.')
@allowed(['Free_F1', 'Standard_S1', 'Premium_P1'])
param webPubSubSku string = 'Standard_S1'

@description('Units of Web PubSub: about 180 events a second each.')
@minValue(1)
@maxValue(100)
param webPubSubUnits int = 1

@description('Most telemetry that is taken in a day, in GB; what comes beyond it is lost until midnight UTC.')
@minValue(1)
param telemetryDailyCapGb int = 1

@description('Percentage of the telemetry that Application Insights keeps. Alerts count what is kept.')
@minValue(1)
@maxValue(100)
param telemetrySamplingPercentage int = 100

@description('USD or the subscription\'s currency a month; 0: no budget. It warns and never stops anything.')
@minValue(0)
param monthlyBudget int = 100

@description('First day of a month, from which the budget counts. A budget\'s start cannot be changed later.')
param budgetStart string = '2026-12-01'

@description('Service Bus and the host\'s storage reachable from a virtual network alone. Needs Service Bus Premium: $677 a month instead of $10, and $7.30 for each private endpoint.')
param privateNetworking bool = false

@description('Spread over the zones of the region. Zone-redundant storage costs a quarter more, and at least two instances are always ready.')
param zoneRedundant bool = false

@description('Web PubSub tells the functions of sockets that come and go. Everything works without it; a hook after deployment sets it.')
param eventHandler bool = false

@description('Object id of somebody who runs local code against this environment, and the kind of principal. Empty: nobody may.')
param developerPrincipalId string = ''
@allowed(['User', 'ServicePrincipal', 'Group'])
param developerPrincipalType string = 'User'

var tags = { 'azd-env-name': environmentName }
// Names of storage accounts and namespaces are taken world-wide.
var token = toLower(uniqueString(subscription().id, environmentName, location))

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { location: location, tags: tags, token: token }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    dailyCapGb: telemetryDailyCapGb
    samplingPercentage: telemetrySamplingPercentage
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  name: 'network'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    serviceBusNamespaceName: serviceBus.outputs.name
    hostStorageName: storage.outputs.hostAccountName
  }
}

module serviceBus 'modules/service-bus.bicep' = {
  name: 'service-bus'
  scope: group
  params: { location: location, tags: tags, token: token, privateNetworking: privateNetworking }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    allowedOrigins: allowedOrigins
    zoneRedundant: zoneRedundant
    privateNetworking: privateNetworking
  }
}

module webPubSub 'modules/web-pubsub.bicep' = {
  name: 'web-pubsub'
  scope: group
  params: { location: location, tags: tags, token: token, sku: webPubSubSku, units: webPubSubUnits }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    developerPrincipalId: developerPrincipalId
    developerPrincipalType: developerPrincipalType
    serviceBusNamespaceName: serviceBus.outputs.name
    hostStorageName: storage.outputs.hostAccountName
    dataStorageName: storage.outputs.dataAccountName
    webPubSubName: webPubSub.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
}

module functions 'modules/functions.bicep' = {
  name: 'functions'
  scope: group
  // The app starts with its roles: a host that finds no access to its storage gives up.
  dependsOn: [roles]
  params: {
    location: location
    tags: tags
    token: token
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: storage.outputs.hostAccountName
    packageContainerUrl: storage.outputs.packageContainerUrl
    tableServiceUri: storage.outputs.tableServiceUri
    blobServiceUri: storage.outputs.blobServiceUri
    serviceBusHost: serviceBus.outputs.host
    webPubSubEndpoint: webPubSub.outputs.endpoint
    webPubSubPrincipalId: webPubSub.outputs.principalId
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    authIssuer: authIssuer
    authAudience: authAudience
    reportKeys: reportKeys
    hookUrl: hookUrl
    hookSecret: hookSecret
    otlpEndpoint: otlpEndpoint
    otlpHeaders: otlpHeaders
    allowedOrigins: allowedOrigins
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: zoneRedundant ? max(2, alwaysReadyInstances) : alwaysReadyInstances
    zoneRedundant: zoneRedundant
    eventHandler: eventHandler
    subnetId: privateNetworking ? network.outputs.functionsSubnetId : ''
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    email: alertEmail
    workspaceId: monitoring.outputs.workspaceId
    serviceBusNamespaceName: serviceBus.outputs.name
    webPubSubName: webPubSub.outputs.name
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: { location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  name: 'budget'
  scope: group
  params: { amount: monthlyBudget, startDate: budgetStart, email: alertEmail, token: token }
}

// What azd keeps of this, and hooks and scripts read. No secret is among it: there is none.
output AZURE_RESOURCE_GROUP string = group.name
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output FUNCTIONS_NAME string = functions.outputs.name
output FUNCTIONS_URL string = functions.outputs.url
output AUTH_ISSUER string = authIssuer
output AUTH_AUDIENCE string = authAudience
output SERVICE_BUS__fullyQualifiedNamespace string = serviceBus.outputs.host
output STORAGE__tableServiceUri string = storage.outputs.tableServiceUri
output STORAGE__blobServiceUri string = storage.outputs.blobServiceUri
output WEB_PUBSUB__endpoint string = webPubSub.outputs.endpoint
output WEB_PUBSUB_ID string = webPubSub.outputs.id
output EVENT_HANDLER bool = eventHandler
