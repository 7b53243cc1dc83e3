// One page for operators: how long texts take, what fails, what is retried, what it costs.
param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // A workbook's name has to be a GUID.
  name: guid(resourceGroup().id, 'dayfly')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Dayfly'
    category: 'workbook'
    version: '1.0'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
