import type { KeyObject } from "node:crypto";
import { createSecretKey as createKeyObject, hkdfSync, randomBytes } from "node:crypto";

import type { DpopNonces, SigningKey, VerificationKey } from "@latchkey/jwt";
import { createDpopNonces, createSecretKey, verificationKeyOf } from "@latchkey/jwt";

import type { SecretScheme } from "../domain/refresh-rule.ts";
import { ConfigurationError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { SealedKey, StoredKey } from "../ports/key-store.ts";
import type { CsrfTokens } from "../tokens/csrf-token.ts";
import { createCsrfTokens } from "../tokens/csrf-token.ts";
import type { BucketOf } from "../tokens/rate-limit-bucket.ts";
import { createBucketOf } from "../tokens/rate-limit-bucket.ts";
import { createSecretScheme } from "../tokens/refresh-secret.ts";

/**
 * What refresh tokens, CSRF tokens and nonces are made with: keys from one secret, each for one use. The secret is random and sealed in the store, not
 * derived from the master secret: whoever has one of database and master secret, but not both, can make no refresh token.
 */
export interface RefreshKey {
  /** Signs refresh tokens, so that forgeries are refused before the store is asked. */
  readonly signingKey: SigningKey;
  readonly verificationKey: VerificationKey;
  /** Derives each refresh token's secret from its predecessor's. */
  readonly secretScheme: SecretScheme;
  readonly csrfTokens: CsrfTokens;
  readonly dpopNonces: DpopNonces;
  /** Signs the tokens of mailed links. */
  readonly mailKey: SigningKey;
  /** Seals what browsers carry for the authority. */
  readonly noteKey: KeyObject;
  readonly bucketOf: BucketOf;
}

export const REFRESH_KEY_ALGORITHM = "HS256";

const SECRET_BYTES = 32;

const purpose = "refresh-token";

export async function makeRefreshKey(sealer: KeySealer): Promise<SealedKey> {
  const kid = randomBytes(8).toString("base64url");
  const alg = REFRESH_KEY_ALGORITHM;
  return { kid, purpose, alg, sealed: await sealer.seal(randomBytes(SECRET_BYTES), { purpose, kid, alg }) };
}

export async function openRefreshKey(
  { sealer, clock }: { readonly sealer: KeySealer; readonly clock: Clock },
  { kid, alg, sealed }: StoredKey,
): Promise<RefreshKey | undefined> {
  if (sealed === null) return undefined;
  const secret = await sealer.open(sealed, { purpose, kid, alg });
  if (secret.length !== SECRET_BYTES) {
    throw new ConfigurationError(`The stored key ${kid} is no secret. Restore the database from a backup.`);
  }
  const derive = (use: string): Uint8Array => new Uint8Array(hkdfSync("sha256", secret, "", `latchkey ${use} v1`, 32));
  const signingKey = createSecretKey(derive("refresh token signature"), { alg: REFRESH_KEY_ALGORITHM, kid });
  return {
    signingKey,
    verificationKey: verificationKeyOf(signingKey),
    secretScheme: createSecretScheme(derive("refresh token rotation")),
    csrfTokens: createCsrfTokens(derive("csrf token")),
    mailKey: createSecretKey(derive("mail token"), { alg: REFRESH_KEY_ALGORITHM, kid }),
    noteKey: createKeyObject(derive("sealed note")),
    bucketOf: createBucketOf(derive("rate limit bucket")),
    dpopNonces: createDpopNonces({ secret: derive("dpop nonce"), clock }),
  };
}
