import type { ErrorCode } from "./errors.ts";
import { ERRORS } from "./errors.ts";

/** What a client presented in `Authorization`, judged by form alone. */
export type PresentedAuthorization =
  | { readonly kind: "none" }
  | { readonly kind: "malformed" }
  | { readonly kind: "token"; readonly scheme: "Bearer" | "DPoP"; readonly token: string };

/**
 * Reads an `Authorization` header (RFC 6750 §2.1, RFC 9449 §7.1): the scheme in any case, exactly one token. A scheme that
 * is not ours counts as no token at all, as RFC 6750 §3.1 has it.
 */
export function parseAuthorization(header: string | null | undefined): PresentedAuthorization {
  const authorization = splitAuthorization(header);
  return authorization.kind === "none" || isTokenSyntax(authorization.token) ? authorization : { kind: "malformed" };
}

/** The same without a look at the token, which takes longer than all the rest: it may be any text, or none. */
export function splitAuthorization(
  header: string | null | undefined,
): Exclude<PresentedAuthorization, { kind: "malformed" }> {
  if (header === null || header === undefined) return { kind: "none" };
  const scheme = /^(?:bearer|dpop)(?: +|$)/i.exec(header)?.[0];
  if (scheme === undefined) return { kind: "none" };
  const isDPoP = scheme.charCodeAt(0) === 0x44 || scheme.charCodeAt(0) === 0x64;
  return { kind: "token", scheme: isDPoP ? "DPoP" : "Bearer", token: header.slice(scheme.length) };
}

/** Whether a text has the syntax of a token in this header: `b64token` of RFC 6750 §2.1. */
export function isTokenSyntax(text: string): boolean {
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(text);
}

/** Which challenge to send: the scheme, what was wrong, and what the request needs. */
export interface Challenge {
  readonly scheme?: "Bearer" | "DPoP";
  readonly code: ErrorCode;
  /** `invalid_token`: one sentence for whoever reads it, after the code. */
  readonly detail?: string;
  /** What proofs may be signed with, where proofs are taken. */
  readonly dpopAlgorithms?: readonly string[];
  /** `insufficient_scope`: the scope that would do, space-delimited. */
  readonly scope?: string;
  /** `insufficient_user_authentication`: how long ago the sign-in may have been, in whole seconds (RFC 9470 §3). */
  readonly maxAgeSeconds?: number;
}

/**
 * The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1). With no token there is no error code, as the RFCs demand;
 * every reason to refuse a token is `invalid_token`, with Latchkey's own code in `error_description` so that a client knows
 * whether to refresh.
 */
export function formatChallenge(challenge: Challenge): string {
  const { scheme = "Bearer", dpopAlgorithms = [] } = challenge;
  const algs = dpopAlgorithms.length === 0 ? [] : [`algs="${dpopAlgorithms.join(" ")}"`];
  const parameters = [...faultParameters(challenge), ...(scheme === "DPoP" ? algs : [])];
  const text = parameters.length === 0 ? scheme : `${scheme} ${parameters.join(", ")}`;
  // Who sent no token is told of both ways to send one (RFC 9449 §7.2).
  return challenge.code === "missing_token" && scheme === "Bearer" && algs.length > 0
    ? `Bearer, DPoP ${algs.join()}`
    : text;
}

function faultParameters({ code, detail, scope, maxAgeSeconds }: Challenge): readonly string[] {
  if (code === "missing_token") return [];
  if (code === "invalid_request" || code === "invalid_dpop_proof" || code === "use_dpop_nonce") {
    return [`error="${code}"`];
  }
  if (code === "insufficient_scope") {
    return [`error="${code}"`, ...(scope === undefined ? [] : [`scope="${quotable(scope)}"`])];
  }
  if (code === "insufficient_user_authentication") {
    const maxAge = maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`];
    return [`error="${code}"`, `error_description="${ERRORS[code].description}"`, ...maxAge];
  }
  const described = detail === undefined ? code : `${code}: ${quotable(detail)}`;
  return ['error="invalid_token"', `error_description="${described}"`];
}

/** What is said of a token that is bound to a key, and came without its proof. It is authentic, and says so itself. */
export const BOUND_TOKEN_DETAIL =
  "The token is bound to a key. Send it by the scheme DPoP, with a proof made with that key.";

/** Reads Latchkey's error code back out of a challenge; `undefined` when it is somebody else's. */
export function parseChallengeCode(header: string | null): string | undefined {
  return header === null ? undefined : /error_description="([a-z_]+)[":]/.exec(header)?.[1];
}

/** Only what RFC 6750 §3 allows in a scope value, so that nothing can break out of the quoted string. */
function quotable(scope: string): string {
  return scope.replaceAll(/[^\u0020\u0021\u0023-\u005B\u005D-\u007E]/g, "");
}
