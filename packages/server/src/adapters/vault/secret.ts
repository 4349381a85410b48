import { ConfigurationError } from "../../errors.ts";
import type { SecretProvider } from "../../ports/master-secret.ts";
import type { VaultConnection } from "./client.ts";
import { createVaultClient } from "./client.ts";

export interface VaultSecretOptions extends VaultConnection {
  /** Of a KV secrets engine, version 2. */
  readonly mount: string;
  readonly path: string;
  /** Default: `master_secret`. */
  readonly field?: string;
}

/** A master secret in Vault's KV store, version 2. */
export function createVaultSecret({
  mount,
  path,
  field = "master_secret",
  ...connection
}: VaultSecretOptions): SecretProvider {
  const client = createVaultClient(connection);
  if (mount === "" || path === "")
    throw new ConfigurationError("vault-kv: needs a mount and a path, as in vault-kv:secret/latchkey");
  return {
    name: `vault-kv:${mount}/${path}#${field}`,
    async read() {
      const { data } = await client.ask({ method: "GET", path: [mount, "data", path] });
      const value = (data as Readonly<Record<string, unknown>> | null | undefined)?.[field];
      if (typeof value === "string") return value;
      throw new ConfigurationError(
        `Vault's secret ${mount}/${path} has no text in the field ${field}. ` +
          `Put one there: vault kv put ${mount}/${path} ${field}=$(openssl rand -base64 32)`,
      );
    },
  };
}
