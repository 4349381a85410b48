import type { JwtClaims, VerifiedJwt } from "@latchkey/jwt";
import { parseScope } from "@latchkey/protocol";

export type TokenKind = "access-token" | "api-token";

/** What an access token says, once everything about it has been checked. It does not hold the token itself. */
export interface VerifiedAccessToken {
  /** `api-token`: one that a user made for a program; only a verifier `withApiTokens()` takes them. It has no roles. */
  readonly kind: TokenKind;
  readonly issuer: string;
  /** Who: unique within `issuer`, and never reused. Identify people by both, never by an e-mail address. */
  readonly subject: string;
  /** The client the token was issued to. */
  readonly clientId: string;
  /** The sign-in this token belongs to; `undefined` for tokens that belong to none. */
  readonly sessionId: string | undefined;
  /** Unique to the token (`jti`). */
  readonly tokenId: string;
  /** The key it was signed with (`kid`). */
  readonly keyId: string | undefined;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** When the user last proved who they are, in seconds since 1970; unchanged by refreshes. */
  readonly authenticatedAt: number | undefined;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** How often the user's rights had changed when it was issued (`claims_epoch`). */
  readonly claimsEpoch: number;
  /** All claims, as the issuer wrote them. */
  readonly claims: JwtClaims;
}

/** As a base class it makes `this` the object that the constructor was given. */
const SameObject = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/**
 * Puts a private field on everything that comes out of `readAccessToken`: no copy and nothing made by hand can have it. (A
 * `WeakSet` would cost each request 0.5 µs, and the garbage collector more.)
 */
class VerificationMark extends SameObject {
  // oxlint-disable-next-line no-unused-private-class-members -- asked for by `in`
  readonly #verified = true;

  static put<T extends object>(value: T): T {
    return new VerificationMark(value) as unknown as T;
  }

  static isOn(value: object): boolean {
    return #verified in value;
  }
}

/** The token, or the name of the claim that is not what RFC 9068 §2.2 or Latchkey make of it. */
export type AccessTokenReading =
  | { readonly kind: "token"; readonly token: VerifiedAccessToken }
  | { readonly kind: "malformed"; readonly claim: string };

/**
 * Reads claims whose signature, issuer, audience and times have been checked. A claim of the wrong type refuses the token: a
 * `scope` or `roles` in another shape must not come out as "some" rights, nor a strange `sid` escape a revocation.
 */
export function readAccessToken({ claims, header }: VerifiedJwt, kind: TokenKind): AccessTokenReading {
  const { iss, sub, jti, client_id: clientId } = claims; // which the engine has found to be there
  const { sid, scope = "", roles = [], auth_time: authTime, claims_epoch: epoch = 0 } = optionalClaims(claims);
  if (!isName(sub)) return malformed("sub");
  if (!isName(clientId)) return malformed("client_id");
  if (!isName(jti)) return malformed("jti");
  if (sid !== undefined && !isName(sid)) return malformed("sid");
  if (typeof scope !== "string") return malformed("scope");
  if (!isNameList(roles)) return malformed("roles");
  if (authTime !== undefined && typeof authTime !== "number") return malformed("auth_time");
  if (!isCount(epoch)) return malformed("claims_epoch");
  const token = VerificationMark.put<VerifiedAccessToken>({
    kind,
    issuer: iss,
    subject: sub,
    clientId,
    sessionId: sid,
    tokenId: jti,
    keyId: header.kid,
    scopes: Object.freeze(parseScope(scope)),
    roles: Object.freeze(kind === "api-token" ? [] : [...roles]),
    authenticatedAt: authTime,
    issuedAt: claims.iat,
    expiresAt: claims.exp,
    claimsEpoch: epoch,
    claims,
  });
  return { kind: "token", token: Object.freeze(token) };
}

/** Without what a polluted `Object.prototype` would lend a token: roles, for example. */
function optionalClaims(
  claims: JwtClaims,
): Readonly<Record<"sid" | "scope" | "roles" | "auth_time" | "claims_epoch", unknown>> {
  return {
    sid: ownClaim(claims, "sid"),
    scope: ownClaim(claims, "scope"),
    roles: ownClaim(claims, "roles"),
    auth_time: ownClaim(claims, "auth_time"),
    claims_epoch: ownClaim(claims, "claims_epoch"),
  };
}

function ownClaim(claims: JwtClaims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/**
 * Whether `value` came out of a verification in this process. What a request carries as `auth` is asked this before any right is
 * read from it: other middleware uses that name too, and a look-alike must not pass.
 */
export function isVerifiedAccessToken(value: unknown): value is VerifiedAccessToken {
  return typeof value === "object" && value !== null && VerificationMark.isOn(value);
}

function malformed(claim: string): AccessTokenReading {
  return { kind: "malformed", claim };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isNameList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isName);
}
