import { ConfigurationError } from "../errors.ts";
import type { SealContext } from "../ports/key-sealer.ts";

/** A sealed key as it stands in the store: `version.masterKeyId.nonce.ciphertext‖tag`, and `.wrappedDataKey` for a key service. */
export interface SealedText {
  /** What is bound: `v2` with the algorithm; `v1`, which is only read, without. */
  readonly version: "v1" | "v2";
  readonly masterKeyId: string;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly wrappedKey: Uint8Array | undefined;
}

export function formatSealed({ version, masterKeyId, nonce, ciphertext, wrappedKey }: SealedText): string {
  const parts = [nonce, ciphertext, ...(wrappedKey === undefined ? [] : [wrappedKey])];
  return [version, masterKeyId, ...parts.map((part) => Buffer.from(part).toString("base64url"))].join(".");
}

/** @throws ConfigurationError */
export function parseSealed(text: string, { kid }: Pick<SealContext, "kid">): SealedText {
  const [version, masterKeyId, nonce, ciphertext, wrappedKey, ...others] = text.split(".");
  const isKnown = version === "v1" || version === "v2";
  if (!isKnown || masterKeyId === undefined || nonce === undefined || ciphertext === undefined || others.length > 0) {
    throw damaged(kid);
  }
  return {
    version,
    masterKeyId,
    nonce: Buffer.from(nonce, "base64url"),
    ciphertext: Buffer.from(ciphertext, "base64url"),
    wrappedKey: wrappedKey === undefined ? undefined : Buffer.from(wrappedKey, "base64url"),
  };
}

export function associatedData({ version, masterKeyId }: SealedText, { purpose, kid, alg }: SealContext): Buffer {
  const bound = [version, masterKeyId, purpose, kid];
  return Buffer.from((version === "v1" ? bound : [...bound, alg]).join("\n"));
}

export function damaged(kid: string): ConfigurationError {
  return new ConfigurationError(`The stored key ${kid} is damaged. Restore the database from a backup.`);
}
