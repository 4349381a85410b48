import { createHmac } from "node:crypto";
import {
  createSecretKey,
  createJwtVerifier,
  type JwtVerifierOptions,
  verificationKeyOf,
  type VerifiedJwt,
} from "@latchkey/jwt";
import { standardClaims, standardRules } from "./standard-token.ts";

/** The secret of the forged tokens: whoever has it can write anything and sign it, which is how parsing is tested. */
export const secret: Buffer = Buffer.alloc(32, 0x2a);
export const standardHeader = { alg: "HS256", typ: "at+jwt", kid: "k1" };
export const secretKey = createSecretKey(secret, { alg: "HS256", kid: "k1" });

type Part = string | Buffer | object;

export function encode(part: Part): string {
  const bytes = Buffer.isBuffer(part) || typeof part === "string" ? part : JSON.stringify(part);
  return Buffer.from(bytes).toString("base64url");
}

/** Signs any two segments, encoded or not as they are given, with HMAC-SHA256. */
export function signSegments(header: string, payload: string, key: Buffer | string = secret): string {
  const input = `${header}.${payload}`;
  return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
}

/** A token of any header and payload, with a right signature. */
export function forge(header: Part, payload: Part = standardClaims): string {
  return signSegments(encode(header), encode(payload));
}

/** A token with some header parameters changed; undefined removes one. */
export function forgeHeader(changes: object): string {
  return forge({ ...standardHeader, ...changes });
}

/** A token with some claims changed; undefined removes one. */
export function forgeClaims(changes: object): string {
  return forge(standardHeader, { ...standardClaims, ...changes });
}

/** A token with JSON text put at the end of the claims. */
export function forgeMembers(members: string, claims: object = standardClaims): string {
  return forge(standardHeader, `${JSON.stringify(claims).slice(0, -1)},${members}}`);
}

export function verifyForged(token: string, options: Partial<JwtVerifierOptions> = {}): VerifiedJwt {
  return createJwtVerifier({ ...standardRules, keys: verificationKeyOf(secretKey), ...options })(token);
}
