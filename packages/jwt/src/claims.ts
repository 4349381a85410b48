import { rejection } from "./jwt-error.ts";
import type { JsonObject } from "./strict-json.ts";

/** The claims of a verified token (RFC 7519 §4): own properties as the issuer wrote them, and these of the right types. */
export interface JwtClaims {
  readonly iss: string;
  readonly aud: string | readonly string[];
  /** Seconds since 1970. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf?: number;
  readonly sub?: string;
  readonly jti?: string;
  readonly [name: string]: unknown;
}

export interface ClaimRules {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly leewaySeconds: number;
  /** Whether a token from the future is refused. */
  readonly futureIssuedAt: "reject" | "accept";
}

// The end of the year 9999 (RFC 3339). Later dates are milliseconds taken for seconds, or a token made to live for ever.
const lastDate = 253_402_300_799;

const alwaysRequired = ["iss", "aud", "exp", "iat"] as const;

/**
 * Checks the claims at `now`, and throws a rejection unless all rules hold. Comparisons are exact: no prefix, case or URL rules. Where
 * `now` is no number, no time is the right one.
 */
export function checkClaims(claims: JsonObject, rules: ClaimRules, now: number): JwtClaims {
  const { iss, aud, exp, iat, nbf, sub, jti } = claims;
  if (iss === undefined || aud === undefined || exp === undefined || iat === undefined || isPrototypePolluted()) {
    for (const name of alwaysRequired) {
      if (!Object.hasOwn(claims, name)) throw rejection("missing_claim", `The token has no ${name}.`, name);
    }
  }
  if (iss !== rules.issuer) throw rejection("invalid_claim", "The issuer of the token is another one.", "iss");
  if (!isAudience(aud, rules.audiences)) throw rejection("invalid_claim", "The token is for another audience.", "aud");
  if (typeof exp !== "number" || !(exp <= lastDate))
    throw rejection("invalid_claim", "exp is no date in seconds.", "exp");
  if (typeof iat !== "number" || !Number.isFinite(iat))
    throw rejection("invalid_claim", "iat is no date in seconds.", "iat");
  if (!(now < exp + rules.leewaySeconds)) throw rejection("expired", "The token has expired.", "exp");
  if (rules.futureIssuedAt === "reject" && !(iat <= now + rules.leewaySeconds)) {
    throw rejection("not_yet_valid", "The token was issued in the future.", "iat");
  }
  if (nbf !== undefined) {
    if (typeof nbf !== "number" || !Number.isFinite(nbf))
      throw rejection("invalid_claim", "nbf is no date in seconds.", "nbf");
    if (!(nbf <= now + rules.leewaySeconds)) throw rejection("not_yet_valid", "The token is not valid yet.", "nbf");
  }
  if (sub !== undefined && typeof sub !== "string") throw rejection("invalid_claim", "sub is not a string.", "sub");
  if (jti !== undefined && typeof jti !== "string") throw rejection("invalid_claim", "jti is not a string.", "jti");
  for (const name of rules.requiredClaims) {
    if (!Object.hasOwn(claims, name) || claims[name] === null) {
      throw rejection("missing_claim", "The token lacks a required claim.", name);
    }
  }
  return claims as JwtClaims;
}

const bare: Partial<JwtClaims> = {};

/** Whether Object.prototype would lend a token its issuer. (1 ns; asking each claim whether it is an own one takes 34.) */
function isPrototypePolluted(): boolean {
  return bare.iss !== undefined || bare.aud !== undefined || bare.exp !== undefined || bare.iat !== undefined;
}

function isAudience(aud: unknown, audiences: readonly string[]): boolean {
  if (typeof aud === "string") return audiences.includes(aud);
  if (!Array.isArray(aud) || !aud.every((entry) => typeof entry === "string")) return false;
  return aud.some((entry) => audiences.includes(entry));
}
