/** What local.settings.json says to run local code against an environment on Azure: its addresses, and no key. */
const ADDRESSES = [
  "SERVICE_BUS__fullyQualifiedNamespace",
  "STORAGE__tableServiceUri",
  "STORAGE__blobServiceUri",
  "WEB_PUBSUB__endpoint",
  "AUTH_ISSUER",
  "AUTH_AUDIENCE",
];

/**
 * @param {{IsEncrypted: boolean, Values: Record<string, string>}} example local.settings.example.json
 * @param {Record<string, string | undefined>} environment what azd knows: Bicep's outputs
 */
export function localSettings(example, environment) {
  const values = Object.fromEntries(
    ADDRESSES.filter((name) => name in example.Values).map((name) => [name, environment[name] ?? ""]),
  );
  // Leases and timers of a local host are its own: it must not take those of the one on Azure. AZURE_CLIENT_ID stays empty, for the
  // developer signs in (`az login`, `azd auth login`) and is not the app's identity.
  return { ...example, Values: { ...example.Values, ...values } };
}
