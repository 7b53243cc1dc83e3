// What users would feel, as alerts. Each is named as its runbook in docs/operations.md; test/unit/bicep/alerts.test.ts holds that.
param location string
param tags object
param token string
param email string
param workspaceId string
param serviceBusNamespaceName string
param webPubSubName string

var runbooks = 'docs/operations.md#'

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = { name: serviceBusNamespaceName }
resource webPubSub 'Microsoft.SignalRService/webPubSub@2024-03-01' existing = { name: webPubSubName }

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'dayfly'
    emailReceivers: empty(email) ? [] : [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// From Service Bus itself: seen even when no function runs.
var queueAlerts = [
  {
    name: 'dead-letters'
    severity: 1
    metric: 'DeadletteredMessages'
    aggregation: 'Minimum'
    threshold: 0
    queues: ['*']
    says: 'Messages have been in a dead-letter queue for 15 minutes: the function that empties it does not.'
  }
  {
    name: 'parked-failures'
    severity: 2
    metric: 'Messages'
    aggregation: 'Minimum'
    threshold: 0
    queues: ['failed-messages']
    says: 'Messages could not be processed and wait for an operator.'
  }
  {
    name: 'backlog'
    severity: 2
    metric: 'ActiveMessages'
    aggregation: 'Minimum'
    threshold: 1000
    queues: ['*']
    says: 'A queue has not been below a thousand waiting messages for 15 minutes: texts or deadlines are late.'
  }
]

resource queueAlertRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alert in queueAlerts: {
    name: alert.name
    location: 'global'
    tags: tags
    properties: {
      enabled: true
      severity: alert.severity
      description: '${alert.says} Runbook: ${runbooks}${alert.name}'
      scopes: [namespace.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: alert.name
            metricNamespace: 'Microsoft.ServiceBus/namespaces'
            metricName: alert.metric
            operator: 'GreaterThan'
            threshold: alert.threshold
            timeAggregation: alert.aggregation
            dimensions: [{ name: 'EntityName', operator: 'Include', values: alert.queues }]
          }
        ]
      }
      actions: [{ actionGroupId: people.id }]
    }
  }
]

resource throttling 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'throttling'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    severity: 2
    description: 'Service Bus turns requests away: the namespace is at its limit. Runbook: ${runbooks}throttling'
    scopes: [namespace.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttling'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'ThrottledRequests'
          operator: 'GreaterThan'
          threshold: 10
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource connectionQuota 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'connection-quota'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    severity: 2
    description: 'Web PubSub has little room for more sockets: at 100 % it refuses them. Runbook: ${runbooks}connection-quota'
    scopes: [webPubSub.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'connection-quota'
          metricNamespace: 'Microsoft.SignalRService/WebPubSub'
          metricName: 'ConnectionQuotaUtilization'
          operator: 'GreaterThan'
          threshold: 80
          timeAggregation: 'Maximum'
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

// From what the functions log of each message: one JSON line, never content.
var lines = 'AppTraces | where Message startswith "{\\"subject\\"" | extend line = parse_json(Message)'
var logAlerts = [
  {
    name: 'expiry-lag'
    severity: 1
    query: '${lines} | where line.subject in ("deadline", "sweep") and toint(line.lateByMs) > 300000'
    threshold: 0
    says: 'Texts were purged more than five minutes after their end. Nobody could read them; they were still stored.'
  }
  {
    name: 'deletion-lag'
    severity: 1
    query: '${lines} | where (line.subject == "sweep-files" and toint(line.lateByMs) > 300000) or (line.subject in ("closed", "dead-closed") and line.outcome == "failed")'
    threshold: 0
    says: 'A file that was to be deleted still exists.'
  }
  {
    name: 'publish-failures'
    severity: 2
    query: '${lines} | where line.event in ("later", "never")'
    threshold: 10
    says: 'Events did not reach Web PubSub: clients only find out by asking.'
  }
  {
    name: 'server-errors'
    severity: 1
    query: 'AppRequests | where toint(ResultCode) >= 500'
    threshold: 5
    says: 'Calls of the API fail with 5xx.'
  }
  {
    name: 'function-failures'
    severity: 2
    query: 'AppRequests | where Success == false and isempty(Url)'
    threshold: 5
    says: 'Functions behind queues and timers throw: what they do is tried again.'
  }
  {
    name: 'timers-stopped'
    severity: 2
    query: 'AppRequests | where OperationName in ("sweep", "parkFailures") | summarize runs = count() | where runs == 0'
    threshold: 0
    says: 'No timer has run for 15 minutes: nobody looks for lost deadlines and new failures.'
  }
]

resource logAlertRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: alert.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      enabled: true
      displayName: alert.name
      severity: alert.severity
      description: '${alert.says} Runbook: ${runbooks}${alert.name}'
      scopes: [workspaceId]
      // Every 15 minutes costs a third of every 5.
      evaluationFrequency: 'PT15M'
      windowSize: 'PT15M'
      autoMitigate: true
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: alert.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]
