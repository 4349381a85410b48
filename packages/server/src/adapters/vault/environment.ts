import { ConfigurationError } from "../../errors.ts";
import type { VaultAuth, VaultConnection } from "./client.ts";

/**
 * Vault's own variables: `VAULT_ADDR`, `VAULT_NAMESPACE`, and `VAULT_TOKEN`, `VAULT_TOKEN_FILE` or `VAULT_ROLE_ID` with
 * `VAULT_SECRET_ID` (and `VAULT_APPROLE_MOUNT`).
 *
 * @throws ConfigurationError
 */
export function readVaultEnvironment(env: Readonly<Record<string, string | undefined>>): VaultConnection {
  const address = env["VAULT_ADDR"];
  if (address === undefined) throw new ConfigurationError("VAULT_ADDR is not set: where is Vault?");
  return { address, auth: readAuth(env), namespace: env["VAULT_NAMESPACE"] };
}

function readAuth(env: Readonly<Record<string, string | undefined>>): VaultAuth {
  const { VAULT_TOKEN: token, VAULT_TOKEN_FILE: tokenFile, VAULT_ROLE_ID: roleId, VAULT_SECRET_ID: secretId } = env;
  if (roleId !== undefined && secretId !== undefined) {
    const mount = env["VAULT_APPROLE_MOUNT"];
    return { roleId, secretId, ...(mount !== undefined && { mount }) };
  }
  if (tokenFile !== undefined) return { tokenFile };
  if (token !== undefined) return { token };
  throw new ConfigurationError(
    "Vault needs to know who asks: set VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_TOKEN_FILE, or VAULT_TOKEN.",
  );
}
