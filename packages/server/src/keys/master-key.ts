import { createHash, hkdfSync, randomBytes } from "node:crypto";

import { ConfigurationError } from "../errors.ts";
import type { SealContext } from "../ports/key-sealer.ts";
import type { KeyWrapper } from "../ports/master-secret.ts";

/** At least 256 bits, from a random generator: it is a key, not a password. */
export const MIN_MASTER_SECRET_BYTES = 32;

/** What keys are sealed under: AES-256 keys made from a master secret, or wrapped by a key service. */
export interface MasterKey {
  /** In every sealed text, so that it says what opens it. */
  readonly id: string;
  newDataKey(context: SealContext): Promise<DataKey>;
  /** `undefined` where this was not sealed with the like of it. */
  dataKeyOf(wrapped: Uint8Array | undefined, context: SealContext): Promise<Uint8Array | undefined>;
}

export interface DataKey {
  readonly key: Uint8Array;
  /** Where a key service wrapped it: to be kept beside what it seals. */
  readonly wrapped: Uint8Array | undefined;
}

/** One key for all, derived from the secret. */
export function masterKeyFrom(secret: Uint8Array): MasterKey {
  refuseShortSecret(secret, "masterSecret");
  const key = new Uint8Array(hkdfSync("sha256", secret, "", "latchkey key sealing v1", 32));
  return {
    id: idOf("latchkey key id v1", key),
    newDataKey: async () => ({ key, wrapped: undefined }),
    dataKeyOf: async (wrapped) => (wrapped === undefined ? key : undefined),
  };
}

/** @throws ConfigurationError */
export function refuseShortSecret(secret: Uint8Array, name: string): void {
  if (secret.length >= MIN_MASTER_SECRET_BYTES) return;
  throw new ConfigurationError(
    `The master secret (${name}) has ${secret.length} bytes; it needs at least ${MIN_MASTER_SECRET_BYTES} random ones. ` +
      "Make one with: openssl rand -base64 32",
  );
}

const DATA_KEY_BYTES = 32;

/** A fresh data key for each sealed key. */
export function masterKeyIn(service: KeyWrapper): MasterKey {
  return {
    id: idOf("latchkey key service id v1", Buffer.from(service.name)),
    async newDataKey(context) {
      const key = randomBytes(DATA_KEY_BYTES);
      return { key, wrapped: await service.wrap(key, context) };
    },
    async dataKeyOf(wrapped, context) {
      const key = wrapped === undefined ? undefined : await service.unwrap(wrapped, context);
      return key?.length === DATA_KEY_BYTES ? key : undefined;
    },
  };
}

function idOf(use: string, bytes: Uint8Array): string {
  return createHash("sha256").update(use).update(bytes).digest("base64url").slice(0, 11);
}
