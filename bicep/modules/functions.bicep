// The function app on Flex Consumption: one plan, one app, one package without node_modules.
param location string
param tags object
param token string
param identityId string
param identityClientId string
param hostStorageName string
param packageContainerUrl string
param tableServiceUri string
param blobServiceUri string
param serviceBusHost string
param webPubSubEndpoint string
param webPubSubPrincipalId string
param applicationInsightsConnectionString string
param authIssuer string
param authAudience string
param reportKeys string
param allowedOrigins array
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyInstances int
param zoneRedundant bool
param eventHandler bool
param hookUrl string
@secure()
param hookSecret string
param otlpEndpoint string
@secure()
param otlpHeaders string
param subnetId string

var topology = loadJsonContent('../../config/topology.json')
// A setting with a value in the example has that value here as well: a new one needs no change here.
var example = loadJsonContent('../../local.settings.example.json').Values
var defaults = toObject(
  // The platform sets the worker's language by itself, and refuses a setting of that name.
  filter(filter(items(example), setting => !empty(setting.value)), setting => setting.key != 'FUNCTIONS_WORKER_RUNTIME'),
  setting => setting.key,
  setting => setting.value
)

// `NAME__credential` and `NAME__clientId` tell the Functions host how to sign in; the app itself goes by AZURE_CLIENT_ID.
var connections = {
  AzureWebJobsStorage__accountName: hostStorageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  SERVICE_BUS__fullyQualifiedNamespace: serviceBusHost
  SERVICE_BUS__credential: 'managedidentity'
  SERVICE_BUS__clientId: identityClientId
  STORAGE__tableServiceUri: tableServiceUri
  STORAGE__blobServiceUri: blobServiceUri
  WEB_PUBSUB__endpoint: webPubSubEndpoint
  WEB_PUBSUB_HUB: topology.hub
  AZURE_CLIENT_ID: identityClientId
  AUTH_ISSUER: authIssuer
  AUTH_AUDIENCE: authAudience
  REPORT_KEYS: reportKeys
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

// Here a lonely run is billed a second of an instance: each minute costs $0.56 a month, the example's 15 seconds would be $2.25.
var schedules = {
  PARK_SCHEDULE: '0 * * * * *'
}

// Web PubSub's own identity is who may tell of sockets, with a token for this app.
var events = {
  EVENTS_ISSUER: 'https://sts.windows.net/${tenant().tenantId}/'
  EVENTS_AUDIENCE: authAudience
  EVENTS_PRINCIPAL: webPubSubPrincipalId
}

// The app's push service, where somebody has one.
var hook = {
  HOOK_URL: hookUrl
  HOOK_SECRET: hookSecret
}

// Where the app's own spans go, where somebody takes them.
var tracing = {
  OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint
  OTEL_EXPORTER_OTLP_HEADERS: otlpHeaders
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: 'func-${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'chat' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: { name: 'node', version: '22' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyInstances }]
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      cors: { allowedOrigins: allowedOrigins, supportCredentials: false }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: union(defaults, schedules, connections, eventHandler ? events : {}, empty(hookUrl) ? {} : hook, empty(otlpEndpoint) ? {} : tracing)
}

// Nobody deploys with a user name and a password.
resource noFtpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
