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
  return { kid, purpose, alg, sealed: await sealer.seal(plaintext, { purpose, kid, alg }) };
}

/** @throws ConfigurationError for a key that is not what was sealed */
export async function openAccessKey(
  sealer: KeySealer,
  { kid, alg, sealed }: StoredKey,
): Promise<AccessKey | undefined> {
  if (sealed === null) return undefined;
  const signingKey = importOpened(kid, await sealer.open(sealed, { purpose, kid, alg }));
  return { signingKey, verificationKey: verificationKeyOf(signingKey), publicJwk: exportPublicJwk(signingKey) };
}

function importOpened(kid: string, opened: Uint8Array): SigningKey {
  try {
    return importSigningJwk(JSON.parse(Buffer.from(opened).toString("utf8")) as Jwk, { kid });
  } catch {
    // Without its cause: a parser's message quotes what it could not parse.
    throw new ConfigurationError(`The stored key ${kid} is no private key. Restore the database from a backup.`);
  }
}
