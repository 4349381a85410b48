import type { Jwk, SigningKey, VerificationKey } from "@latchkey/jwt";
import {
  exportPrivateJwk,
  exportPublicJwk,
  generateSigningKey,
  importSigningJwk,
  verificationKeyOf,
} from "@latchkey/jwt";

import { ConfigurationError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { KeyStore, StoredKey } from "../ports/key-store.ts";
import type { KeySealer } from "./master-secret.ts";

/** The keys that access tokens are signed and verified with. */
export interface KeyRing {
  readonly signingKey: SigningKey;
  findVerificationKey(kid: string): VerificationKey | undefined;
  /** The key set to publish (RFC 7517): public keys alone. */
  readonly publicKeys: readonly Jwk[];
}

/** Loads the signing key, or makes one (ES256) at the first start. Nodes that start at once agree on one. */
export async function loadKeyRing(options: {
  readonly store: KeyStore;
  readonly sealer: KeySealer;
  readonly clock: Clock;
}): Promise<KeyRing> {
  const { store, sealer } = options;
  const [stored = await makeFirstKey(options)] = await store.listKeys("access-token");
  const opened = Buffer.from(sealer.open(stored.sealed, { purpose: "access-token", kid: stored.kid })).toString("utf8");
  const jwk: unknown = JSON.parse(opened);
  if (typeof jwk !== "object" || jwk === null || !("kty" in jwk)) {
    throw new ConfigurationError(`The stored key ${stored.kid} is no JWK. Restore the database from a backup.`);
  }
  const signingKey = importSigningJwk(jwk as Jwk, { kid: stored.kid });
  const verificationKey = verificationKeyOf(signingKey);
  return {
    signingKey,
    findVerificationKey: (kid) => (kid === stored.kid ? verificationKey : undefined),
    publicKeys: [exportPublicJwk(signingKey)],
  };
}

async function makeFirstKey(options: {
  readonly store: KeyStore;
  readonly sealer: KeySealer;
  readonly clock: Clock;
}): Promise<StoredKey> {
  const key = generateSigningKey("ES256");
  const kid = key.kid ?? "";
  const plaintext = Buffer.from(JSON.stringify(exportPrivateJwk(key)));
  return options.store.createFirstKey({
    kid,
    purpose: "access-token",
    alg: key.alg,
    createdAt: options.clock(),
    sealed: options.sealer.seal(plaintext, { purpose: "access-token", kid }),
  });
}
