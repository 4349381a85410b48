import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";

import { ConfigurationError } from "../errors.ts";
import type { KeySealer, SealContext } from "../ports/key-sealer.ts";

/** At least 256 bits, from a random generator: it is a key, not a password. */
export const MIN_MASTER_SECRET_BYTES = 32;

/** AES-256-GCM under a key derived from the master secret. Sealed form: `v1.<master key id>.<nonce>.<ciphertext ‖ tag>`. */
export function createKeySealer(masterSecret: Uint8Array): KeySealer {
  if (masterSecret.length < MIN_MASTER_SECRET_BYTES) {
    throw new ConfigurationError(
      `The master secret has ${masterSecret.length} bytes; it needs at least ${MIN_MASTER_SECRET_BYTES} random ones. ` +
        "Make one with: openssl rand -base64 32",
    );
  }
  const key = new Uint8Array(hkdfSync("sha256", masterSecret, "", "latchkey key sealing v1", 32));
  const keyId = createHash("sha256").update("latchkey key id v1").update(key).digest("base64url").slice(0, 11);

  return {
    seal(plaintext, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(associatedData(keyId, context));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      return `v1.${keyId}.${nonce.toString("base64url")}.${ciphertext.toString("base64url")}`;
    },

    open(sealed, context) {
      const [version, sealedWith, nonce, ciphertext] = sealed.split(".");
      if (version !== "v1" || sealedWith === undefined || nonce === undefined || ciphertext === undefined) {
        throw new ConfigurationError(`The stored key ${context.kid} is damaged. Restore the database from a backup.`);
      }
      if (sealedWith !== keyId) {
        throw new ConfigurationError(
          "The master secret is not the one this database's keys were sealed with. Give the server the secret it was first started with.",
        );
      }
      const bytes = Buffer.from(ciphertext, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64url"), { authTagLength: 16 })
        .setAAD(associatedData(keyId, context))
        .setAuthTag(bytes.subarray(-16));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
      } catch (error) {
        throw new ConfigurationError(`The stored key ${context.kid} is damaged. Restore the database from a backup.`, {
          cause: error,
        });
      }
    },
  };
}

function associatedData(keyId: string, context: SealContext): Buffer {
  return Buffer.from(`v1\n${keyId}\n${context.purpose}\n${context.kid}`);
}
