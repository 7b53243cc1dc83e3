/** Azurite's account, well known and the same everywhere: no secret. */
export const ACCOUNT = "devstoreaccount1";
export const ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export interface StoragePorts {
  readonly blob: number;
  readonly queue: number;
  readonly table: number;
}

export type StorageProtocol = "http" | "https";

/** The connection string of an Azurite with these ports, as the Azure SDKs read it. */
export function storageConnectionString(
  { blob, queue, table }: StoragePorts,
  protocol: StorageProtocol = "http",
): string {
  const endpoint = (port: number): string => `${protocol}://127.0.0.1:${port}/${ACCOUNT}`;
  return [
    `DefaultEndpointsProtocol=${protocol}`,
    `AccountName=${ACCOUNT}`,
    `AccountKey=${ACCOUNT_KEY}`,
    `BlobEndpoint=${endpoint(blob)}`,
    `QueueEndpoint=${endpoint(queue)}`,
    `TableEndpoint=${endpoint(table)}`,
    "",
  ].join(";");
}
