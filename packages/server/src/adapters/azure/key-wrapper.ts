import type { CryptographyClient } from "@azure/keyvault-keys";

import { ConfigurationError, KeyServiceError } from "../../errors.ts";
import type { KeyWrapper } from "../../ports/master-secret.ts";
import { loadPackage } from "../load-package.ts";
import { askAzure, parsePlace, PATIENCE } from "./client.ts";

export interface AzureKeyWrapperOptions {
  /**
   * A symmetric key (`oct-HSM`, 256 bits) of a Managed HSM: `https://mine.managedhsm.azure.net/keys/…/…`, with its
   * version, since Azure does not tell which one wrapped.
   */
  readonly id: string;
}

/** What AES key wrap adds. */
const INTEGRITY_BYTES = 8;

/**
 * A key in Azure's Managed HSM wraps data keys (AES key wrap, RFC 3394). An RSA key would not do: whoever has its public half, and
 * may write to the database, would wrap one of theirs. What a key is for is bound where it is sealed.
 *
 * @throws ConfigurationError
 */
export function createAzureKeyWrapper({ id }: AzureKeyWrapperOptions): KeyWrapper {
  if (parsePlace(id, "keys").version === undefined) {
    throw new ConfigurationError(
      "azure-key: needs a version of the key, as in azure-key:https://mine.managedhsm.azure.net/keys/latchkey/0123abcd",
    );
  }
  let client: CryptographyClient | undefined;
  const open = async (): Promise<CryptographyClient> => {
    const [{ DefaultAzureCredential }, sdk] = await Promise.all([
      loadPackage("@azure/identity", () => import("@azure/identity")),
      loadPackage("@azure/keyvault-keys", () => import("@azure/keyvault-keys")),
    ]);
    return (client ??= new sdk.CryptographyClient(id, new DefaultAzureCredential(PATIENCE), PATIENCE));
  };
  return {
    name: `azure-key:${id}`,
    async wrap(dataKey) {
      const keys = await open();
      const { result } = await askAzure(`wrap with the key ${id}`, (abortSignal) =>
        keys.wrapKey("A256KW", dataKey, { abortSignal }),
      );
      if (result.length !== dataKey.length + INTEGRITY_BYTES) {
        throw new KeyServiceError("Azure Key Vault answered without a wrapped key.");
      }
      return result;
    },
    async unwrap(wrapped) {
      const keys = await open();
      const { result } = await askAzure(`unwrap with the key ${id}`, (abortSignal) =>
        keys.unwrapKey("A256KW", wrapped, { abortSignal }),
      );
      return result;
    },
  };
}
