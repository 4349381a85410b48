import type { Jwk, JwtAlgorithm, SigningKey, VerificationKey } from "@latchkey/jwt";
import {
  exportPrivateJwk,
  exportPublicJwk,
  generateSigningKey,
  importSigningJwk,
  verificationKeyOf,
} from "@latchkey/jwt";

import { ConfigurationError } from "../errors.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { SealedKey, StoredKey } from "../ports/key-store.ts";

/** A key pair that access tokens are signed and verified with. */
export interface AccessKey {
  readonly signingKey: SigningKey;
  readonly verificationKey: VerificationKey;
  readonly publicJwk: Jwk;
}

const purpose = "access-token";

/** Its `kid` is its thumbprint (RFC 7638). */
export async function makeAccessKey(sealer: KeySealer, alg: JwtAlgorithm): Promise<SealedKey> {
  const key = generateSigningKey(alg);
  const kid = key.kid ?? "";
  const plaintext = Buffer.from(JSON.stringify(exportPrivateJwk(key)));
  return { kid, purpose, alg, sealed: await sealer.seal(plaintext, { purpose, kid }) };
}

/** @throws ConfigurationError for a key that is not what was sealed */
export async function openAccessKey(sealer: KeySealer, { kid, sealed }: StoredKey): Promise<AccessKey | undefined> {
  if (sealed === null) return undefined;
  const opened = Buffer.from(await sealer.open(sealed, { purpose, kid })).toString("utf8");
  const jwk: unknown = JSON.parse(opened);
  if (typeof jwk !== "object" || jwk === null || !("kty" in jwk)) {
    throw new ConfigurationError(`The stored key ${kid} is no JWK. Restore the database from a backup.`);
  }
  const signingKey = importSigningJwk(jwk as Jwk, { kid });
  return { signingKey, verificationKey: verificationKeyOf(signingKey), publicJwk: exportPublicJwk(signingKey) };
}
