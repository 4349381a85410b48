import { ConfigurationError } from "../../errors.ts";
import type { SealContext } from "../../ports/key-sealer.ts";
import type { KeyWrapper } from "../../ports/master-secret.ts";
import type { VaultConnection } from "./client.ts";
import { createVaultClient, unexpected } from "./client.ts";

export interface VaultKeyWrapperOptions extends VaultConnection {
  /** Of a transit secrets engine. */
  readonly mount: string;
  /** An encryption key in it, of type `aes256-gcm96` (the default) or `chacha20-poly1305`. */
  readonly key: string;
}

/** Vault's transit engine wraps data keys; its own key never leaves it, and may be rotated there. */
export function createVaultKeyWrapper({ mount, key, ...connection }: VaultKeyWrapperOptions): KeyWrapper {
  const client = createVaultClient(connection);
  if (mount === "" || key === "") {
    throw new ConfigurationError("vault-transit: needs a mount and a key, as in vault-transit:transit/latchkey");
  }
  const ask = async (verb: "encrypt" | "decrypt", body: object, field: string): Promise<string> => {
    const value = (await client.ask({ method: "POST", path: [mount, verb, key], body }))[field];
    if (typeof value !== "string") throw unexpected(client.address, verb);
    return value;
  };
  return {
    name: `vault-transit:${mount}/${key}`,
    async wrap(dataKey, context) {
      const body = { plaintext: base64(dataKey), associated_data: base64(bound(context)) };
      return Buffer.from(await ask("encrypt", body, "ciphertext"));
    },
    async unwrap(wrapped, context) {
      const body = { ciphertext: Buffer.from(wrapped).toString(), associated_data: base64(bound(context)) };
      return Buffer.from(await ask("decrypt", body, "plaintext"), "base64");
    },
  };
}

function bound({ purpose, kid, alg }: SealContext): Uint8Array {
  return Buffer.from(["latchkey", purpose, kid, alg].join("\n"));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
