// Warns when the month's bill is half, four fifths and all of what was planned, and when it is going to be more.
param amount int
param startDate string
param email string
param token string

var owners = ['Owner', 'Contributor']
var emails = empty(email) ? [] : [email]

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'budget-${token}'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      half: { enabled: true, operator: 'GreaterThan', threshold: 50, thresholdType: 'Actual', contactEmails: emails, contactRoles: owners }
      most: { enabled: true, operator: 'GreaterThan', threshold: 80, thresholdType: 'Actual', contactEmails: emails, contactRoles: owners }
      all: { enabled: true, operator: 'GreaterThan', threshold: 100, thresholdType: 'Actual', contactEmails: emails, contactRoles: owners }
      soon: { enabled: true, operator: 'GreaterThan', threshold: 100, thresholdType: 'Forecasted', contactEmails: emails, contactRoles: owners }
    }
  }
}
