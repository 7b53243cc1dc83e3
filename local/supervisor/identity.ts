/**
 * The identity mode: the app has no key, but the names of its services and a managed identity, as on Azure. This makes what that
 * takes: certificates, an endpoint that gives tokens, and settings that name everything.
 */
import path from "node:path";
import { identitySettings } from "../app-settings.js";
import { makeCertificates } from "../identity/certificates.js";
import { startIdentityEndpoint } from "../identity/endpoint.js";
import { ACCOUNT } from "../storage/connection-string.js";
import type { Ports, SpecContext } from "./specs.js";

export interface Identity {
  readonly tls: NonNullable<SpecContext["tls"]>;
  /** File with what signs the certificates (PEM). */
  readonly authority: string;
  /** For each process of the stack. */
  readonly environment: Readonly<Record<string, string>>;
  settings(
    connections: { readonly hub: string; readonly issuer: string },
    environment: Readonly<Record<string, string | undefined>>,
  ): Record<string, string>;
  stop(): Promise<void>;
}

const CLIENT_ID = "3c0f7e0a-2b1d-4a4e-9d2a-54f0a5a1d8c7";

export async function startIdentity(dataFolder: string, ports: Ports): Promise<Identity> {
  const folder = path.join(dataFolder, "identity");
  const [files, endpoint] = await Promise.all([
    makeCertificates(folder),
    startIdentityEndpoint({ port: ports.identity.port, dataFolder: folder, clientId: CLIENT_ID }),
  ]);
  return {
    tls: { cert: files.certificate, key: files.key, tokenKeys: endpoint.keys },
    authority: files.authority,
    environment: { NODE_EXTRA_CA_CERTS: files.authority },
    settings: (connections, environment) => ({
      ...identitySettings(
        {
          // A name: what the AMQP client asks for by SNI must not be an address (RFC 6066, section 3).
          serviceBus: `localhost:${ports.serviceBusTls.port}`,
          tables: `https://127.0.0.1:${ports.table.port}/${ACCOUNT}`,
          blobs: `https://127.0.0.1:${ports.blob.port}/${ACCOUNT}`,
          webPubSub: `https://127.0.0.1:${ports.webPubSubTls.port}`,
          clientId: CLIENT_ID,
        },
        connections,
        environment,
      ),
      ...endpoint.settings,
    }),
    stop: () => endpoint.stop(),
  };
}
