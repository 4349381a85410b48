import { hkdfSync, randomBytes } from "node:crypto";

import type { SigningKey } from "@latchkey/jwt";
import { createSecretKey } from "@latchkey/jwt";

import type { Clock } from "../ports/clock.ts";
import type { KeyStore } from "../ports/key-store.ts";
import type { KeySealer } from "./master-secret.ts";

/** The secrets behind refresh tokens, CSRF tokens and nonces, and the order of status lists. */
export interface RefreshKeys {
  /** Signs refresh tokens, so that forgeries are refused before the store is asked. */
  readonly signingKey: SigningKey;
  /** Derives each refresh token's secret from its predecessor's. */
  readonly rotationKey: Uint8Array;
  readonly csrfKey: Uint8Array;
  /** Signs the tokens of mailed links. */
  readonly mailTokenKey: SigningKey;
  /** Makes the nonces of DPoP proofs, the same on every node. */
  readonly dpopNonceKey: Uint8Array;
  /** Orders places in status lists. */
  readonly statusPlaceKey: Uint8Array;
}

/**
 * Loads the refresh secret, or makes one at the first start. It is random and sealed in the store, not derived from the
 * master secret: whoever has one of database and master secret, but not both, can make no refresh token.
 */
export async function loadRefreshKeys(options: {
  readonly store: KeyStore;
  readonly sealer: KeySealer;
  readonly clock: Clock;
}): Promise<RefreshKeys> {
  const purpose = "refresh-token";
  const [stored] = await options.store.listKeys(purpose);
  const kid = randomBytes(8).toString("base64url");
  const key =
    stored ??
    (await options.store.createFirstKey({
      kid,
      purpose,
      alg: "HS256",
      createdAt: options.clock(),
      sealed: options.sealer.seal(randomBytes(32), { purpose, kid }),
    }));
  const secret = options.sealer.open(key.sealed, { purpose, kid: key.kid });
  const derive = (use: string): Uint8Array => new Uint8Array(hkdfSync("sha256", secret, "", `latchkey ${use} v1`, 32));
  return {
    signingKey: createSecretKey(derive("refresh token signature"), { alg: "HS256", kid: key.kid }),
    rotationKey: derive("refresh token rotation"),
    csrfKey: derive("csrf token"),
    mailTokenKey: createSecretKey(derive("mail token"), { alg: "HS256", kid: key.kid }),
    dpopNonceKey: derive("dpop nonce"),
    statusPlaceKey: derive("status list place"),
  };
}
