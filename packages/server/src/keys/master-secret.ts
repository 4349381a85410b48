import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { ConfigurationError } from "../errors.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { KeyWrapper, MasterSecret } from "../ports/master-secret.ts";
import type { MasterKey } from "./master-key.ts";
import { masterKeyFrom, masterKeyIn, MIN_MASTER_SECRET_BYTES, refuseShortSecret } from "./master-key.ts";
import { associatedData, damaged, formatSealed, parseSealed } from "./sealed-text.ts";

/**
 * AES-256-GCM under a master secret. The first one seals; all of them open.
 *
 * @throws ConfigurationError for a secret that is too short
 */
export function createKeySealer(
  ...masters: readonly [Uint8Array | KeyWrapper, ...(Uint8Array | KeyWrapper)[]]
): KeySealer {
  const [first, ...others] = masters;
  const sealing = masterKeyOf(first);
  const byId = new Map([sealing, ...others.map(masterKeyOf)].map((master) => [master.id, master]));

  return {
    async seal(plaintext, context) {
      const { key, wrapped } = await sealing.newDataKey(context);
      const sealed = { version: "v2", masterKeyId: sealing.id, nonce: randomBytes(12), wrappedKey: wrapped } as const;
      const data = associatedData({ ...sealed, ciphertext: Buffer.alloc(0) }, context);
      const cipher = createCipheriv("aes-256-gcm", key, sealed.nonce).setAAD(data);
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      return formatSealed({ ...sealed, ciphertext });
    },

    async open(text, context) {
      const sealed = parseSealed(text, context);
      const master = byId.get(sealed.masterKeyId);
      if (master === undefined) {
        throw new ConfigurationError(
          `The master secret is not the one this database's keys were sealed with (that one has the id ${sealed.masterKeyId}). ` +
            "Give the server the secret it was first started with, beside the new one where you replace it.",
        );
      }
      const key = await master.dataKeyOf(sealed.wrappedKey, context);
      if (key === undefined || sealed.nonce.length !== 12 || sealed.ciphertext.length < 16) throw damaged(context.kid);
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.nonce, { authTagLength: 16 })
        .setAAD(associatedData(sealed, context))
        .setAuthTag(sealed.ciphertext.subarray(-16));
      try {
        return Buffer.concat([decipher.update(sealed.ciphertext.subarray(0, -16)), decipher.final()]);
      } catch {
        throw damaged(context.kid);
      }
    },

    isCurrent: (text) => text.startsWith(`v2.${sealing.id}.`),
  };
}

function masterKeyOf(given: Uint8Array | KeyWrapper): MasterKey {
  return given instanceof Uint8Array ? masterKeyFrom(given) : masterKeyIn(given);
}

/**
 * Reads the secrets from where they are kept, and makes the sealer: the first seals, all open.
 *
 * @throws ConfigurationError, KeyServiceError
 */
export async function openKeySealer(secrets: readonly MasterSecret[]): Promise<KeySealer> {
  const [first, ...others] = await Promise.all(
    secrets.map(async (given) => {
      if (typeof given === "string" || given instanceof Uint8Array) return decodeMasterSecret(given);
      if ("wrap" in given) return given;
      return decodeMasterSecret(await given.read(), given.name);
    }),
  );
  if (first === undefined) throw new ConfigurationError("masterSecret: give at least one.");
  return createKeySealer(first, ...others);
}

/**
 * @param name what to call it in the message
 * @throws ConfigurationError
 */
export function decodeMasterSecret(secret: string | Uint8Array, name = "masterSecret"): Uint8Array {
  const text = typeof secret === "string" ? secret.trim() : "";
  if (typeof secret === "string" && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) {
    throw new ConfigurationError(
      `${name}: must be base64 text of at least ${MIN_MASTER_SECRET_BYTES} random bytes. ` +
        "Make one with: openssl rand -base64 32",
    );
  }
  const bytes = typeof secret === "string" ? Buffer.from(text, "base64url") : secret;
  refuseShortSecret(bytes, name);
  return bytes;
}
