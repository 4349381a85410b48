import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { ClientError } from "../errors.ts";

/** Seals texts, so that a copy of the file alone is of no use. */
export interface Sealer {
  seal(text: string): string;
  /** @throws ClientError `invalid_options` for whatever this key has not sealed */
  open(sealed: string): string;
}

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with a random nonce: few enough messages for that by far (NIST SP 800-38D §8.3). */
export function createSealer(key: Uint8Array): Sealer {
  if (key.byteLength !== KEY_BYTES) {
    throw new ClientError("invalid_options", `encryptionKey: must be ${KEY_BYTES} random bytes.`);
  }
  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64url");
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, "base64url");
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([text, decipher.final()]).toString("utf8");
      } catch {
        throw new ClientError("invalid_options", "encryptionKey: is not the one that the file was sealed with.");
      }
    },
  };
}
