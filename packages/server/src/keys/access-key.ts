import type { Jwk, JwtAlgorithm, SignJwtOptions, VerificationKey } from "@latchkey/jwt";
import {
  exportPrivateJwk,
  exportPublicJwk,
  generateSigningKey,
  importSigningJwk,
  signJwtPooled,
  verificationKeyOf,
} from "@latchkey/jwt";

import { ConfigurationError } from "../errors.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { SealedKey, StoredKey } from "../ports/key-store.ts";
import type { SigningService } from "../ports/signing-service.ts";
import type { ServiceKeyRecord } from "./service-key.ts";
import { openServiceKey, parseServiceKey } from "./service-key.ts";

/** A key pair that access tokens, and what else anybody can check, are signed and verified with; or API tokens. */
export interface AccessKey {
  readonly alg: JwtAlgorithm;
  /**
   * A token, as soon as a thread or a signing service has answered.
   *
   * @throws AuthError `unavailable` where that cannot be asked
   */
  sign(claims: object, options: SignJwtOptions): Promise<string>;
  readonly verificationKey: VerificationKey;
  readonly publicJwk: Jwk;
  /** Of a key in a signing service: it is needed no more. Never rejects. */
  destroy?(): Promise<void>;
}

export type AccessKeyPurpose = "access-token" | "api-token";

/** Its `kid` is its thumbprint (RFC 7638). */
export async function makeAccessKey(
  sealer: KeySealer,
  alg: JwtAlgorithm,
  purpose: AccessKeyPurpose = "access-token",
): Promise<SealedKey> {
  const key = generateSigningKey(alg);
  const kid = key.kid ?? "";
  const plaintext = Buffer.from(JSON.stringify(exportPrivateJwk(key)));
  return { kid, purpose, alg, sealed: await sealer.seal(plaintext, { purpose, kid, alg }) };
}

export interface AccessKeyOpener {
  readonly sealer: KeySealer;
  readonly signingService?: SigningService | undefined;
}

/** @throws ConfigurationError for a key that is not what was sealed, or is in a service that was not given */
export async function openAccessKey(
  { sealer, signingService }: AccessKeyOpener,
  { kid, purpose, alg, sealed }: StoredKey,
): Promise<AccessKey | undefined> {
  if (sealed === null) return undefined;
  const opened = parseOpened(kid, await sealer.open(sealed, { purpose, kid, alg }));
  const record = parseServiceKey(opened);
  if (record === undefined) return openPrivateKey(kid, opened);
  return openServiceKey(kid, { alg: alg as JwtAlgorithm, record }, signingService);
}

function openPrivateKey(kid: string, jwk: Jwk): AccessKey {
  try {
    const signingKey = importSigningJwk(jwk, { kid });
    return {
      alg: signingKey.alg,
      sign: (claims, options) => signJwtPooled(claims, signingKey, options),
      verificationKey: verificationKeyOf(signingKey),
      publicJwk: exportPublicJwk(signingKey),
    };
  } catch {
    throw noKey(kid);
  }
}

function parseOpened(kid: string, opened: Uint8Array): Jwk & Partial<ServiceKeyRecord> {
  try {
    return JSON.parse(Buffer.from(opened).toString("utf8")) as Jwk & Partial<ServiceKeyRecord>;
  } catch {
    // Without its cause: a parser's message quotes what it could not parse.
    throw noKey(kid);
  }
}

function noKey(kid: string): ConfigurationError {
  return new ConfigurationError(`The stored key ${kid} is no private key. Restore the database from a backup.`);
}
