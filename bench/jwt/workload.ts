import { randomUUID } from "node:crypto";
import {
  exportPrivateJwk,
  exportPrivatePem,
  exportPublicPem,
  generateSigningKey,
  type Jwk,
  signJwt,
} from "@latchkey/jwt";

export const algorithms = ["HS256", "RS256", "PS256", "ES256", "EdDSA"] as const;
export type BenchAlgorithm = (typeof algorithms)[number];

export const operations = ["verify", "sign", "wrong-signature", "expired"] as const;
export type Operation = (typeof operations)[number];

export const tokenCount = 512;
export const issuer = "https://auth.example.com";
export const audience = "https://api.example.com";
export const typ = "at+jwt";
export const kid = "2026-11-key";

export type Claims = Readonly<Record<string, string | number>>;

/** What every library gets: the same keys, tokens and claims. */
export interface Workload {
  readonly jwk: Jwk;
  /** PEM of the key pair; empty for HMAC. */
  readonly privatePem: string;
  readonly publicPem: string;
  readonly claims: readonly Claims[];
  readonly tokens: Readonly<Record<Exclude<Operation, "sign">, readonly string[]>>;
}

export type Workloads = Readonly<Record<BenchAlgorithm, Workload>>;

export function createWorkloads(): Workloads {
  return Object.fromEntries(algorithms.map((alg) => [alg, createWorkload(alg)])) as Record<BenchAlgorithm, Workload>;
}

function createWorkload(alg: BenchAlgorithm): Workload {
  const key = generateSigningKey(alg, { kid });
  const now = Math.floor(Date.now() / 1000);
  const claims = Array.from({ length: tokenCount }, (_, number) => accessTokenClaims(now, number));
  const tokens = claims.map((one) => signJwt(one, key, { typ }));
  const expired = claims.map((one) => signJwt({ ...one, iat: now - 7200, exp: now - 3600 }, key, { typ }));
  return {
    jwk: exportPrivateJwk(key),
    privatePem: alg === "HS256" ? "" : exportPrivatePem(key),
    publicPem: alg === "HS256" ? "" : exportPublicPem(key),
    claims,
    tokens: { verify: tokens, "wrong-signature": tokens.map(spoil), expired },
  };
}

/** An access token as RFC 9068 wants it: about 370 bytes of payload. */
export function accessTokenClaims(now: number, number: number): Claims {
  return {
    iss: issuer,
    aud: audience,
    sub: `user_${randomUUID()}`,
    iat: now - (number % 60),
    exp: now + 86_400 + number,
    jti: randomUUID(),
    sid: `session_${randomUUID()}`,
    scope: "openid profile read:users write:users",
    client_id: "web-application",
  };
}

/** Another character in the middle of the signature: canonical, and wrong. */
function spoil(token: string): string {
  const at = token.length - 20;
  return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
}
