import type { Jwk, SigningKey } from "@latchkey/jwt";
import { exportPrivateJwk, generateSigningKey, importSigningJwk } from "@latchkey/jwt";

import { ConfigurationError } from "../errors.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { SealedKey, StoredKey } from "../ports/key-store.ts";

const purpose = "audit-checkpoint";
const alg = "ES256";

/** Its `kid` is its thumbprint (RFC 7638). It is in no key set: nothing that it signs is a token. */
export async function makeCheckpointKey(sealer: KeySealer): Promise<SealedKey> {
  const key = generateSigningKey(alg);
  const kid = key.kid ?? "";
  const plaintext = Buffer.from(JSON.stringify(exportPrivateJwk(key)));
  return { kid, purpose, alg, sealed: await sealer.seal(plaintext, { purpose, kid, alg }) };
}

/** @throws ConfigurationError for a key that is not what was sealed */
export async function openCheckpointKey(
  sealer: KeySealer,
  { kid, alg: stored, sealed }: StoredKey,
): Promise<SigningKey> {
  const opened = await sealer.open(sealed ?? "", { purpose, kid, alg: stored });
  try {
    return importSigningJwk(JSON.parse(Buffer.from(opened).toString("utf8")) as Jwk, { kid });
  } catch {
    // Without its cause: a parser's message quotes what it could not parse.
    throw new ConfigurationError(`The stored key ${kid} is no private key. Restore the database from a backup.`);
  }
}
