/** The app's identity, for every client that has no connection string. */
import type { TokenCredential } from "@azure/identity";
import type { Config } from "../config.js";

let credential: TokenCredential | undefined;

/** Loaded on demand: with connection strings the package's import (110 ms) would be for nothing. */
export async function identityOf(config: Config): Promise<TokenCredential> {
  if (credential === undefined) {
    const { DefaultAzureCredential } = await import("@azure/identity");
    credential = new DefaultAzureCredential(
      config.AZURE_CLIENT_ID === undefined ? {} : { managedIdentityClientId: config.AZURE_CLIENT_ID },
    );
  }
  return credential;
}
