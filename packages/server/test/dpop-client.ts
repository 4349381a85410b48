import { createHash, randomUUID } from "node:crypto";

import type { JWK } from "jose";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";

import { ISSUER } from "./authority.ts";

export interface ProofChanges {
  readonly accessToken?: string;
  readonly header?: object;
  readonly claims?: object;
}

/** A client that has a key, and makes its proofs with jose. */
export interface DpopClient {
  readonly jkt: string;
  /** The `DPoP` header of a request; each proof is another. */
  prove(method: string, path: string, changes?: ProofChanges): Promise<{ readonly DPoP: string }>;
  /** The headers of a request with an access token. */
  authorize(method: string, path: string, accessToken: string, changes?: ProofChanges): Promise<Record<string, string>>;
}

/** @param now seconds since 1970, by the client's clock */
export async function createDpopClient(now: () => number): Promise<DpopClient> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk: JWK = await exportJWK(publicKey);

  const client: DpopClient = {
    jkt: await calculateJwkThumbprint(jwk),
    async prove(method, path, { accessToken, header, claims } = {}) {
      const ath = accessToken === undefined ? undefined : createHash("sha256").update(accessToken).digest("base64url");
      const payload = { jti: randomUUID(), htm: method, htu: `${ISSUER}${path}`, iat: now(), ath, ...claims };
      const proof = new SignJWT(payload).setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk, ...header });
      return { DPoP: await proof.sign(privateKey) };
    },
    async authorize(method, path, accessToken, changes) {
      const proof = await client.prove(method, path, { accessToken, ...changes });
      return { Authorization: `DPoP ${accessToken}`, ...proof };
    },
  };
  return client;
}
