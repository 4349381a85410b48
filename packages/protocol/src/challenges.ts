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
  /** `insufficient_scope`: the scope that would do, space-delimited. */
  readonly scope?: string;
}

/**
 * The value of `WWW-Authenticate` (RFC 6750 §3). With no token there is no error code, as the RFC demands; every reason to
 * refuse a token is `invalid_token`, with Latchkey's own code in `error_description` so that a client knows whether to
 * refresh.
 */
export function formatChallenge(challenge: Challenge): string {
  const scheme = challenge.scheme ?? "Bearer";
  if (challenge.code === "missing_token") return scheme;
  if (challenge.code === "invalid_request") return `${scheme} error="invalid_request"`;
  if (challenge.code === "insufficient_scope") {
    const needed = challenge.scope === undefined ? "" : `, scope="${quotable(challenge.scope)}"`;
    return `${scheme} error="insufficient_scope"${needed}`;
  }
  if (challenge.code === "insufficient_user_authentication") {
    return `${scheme} error="insufficient_user_authentication", error_description="${ERRORS[challenge.code].description}"`;
  }
  return `${scheme} error="invalid_token", error_description="${challenge.code}"`;
}

/** Reads Latchkey's error code back out of a challenge; `undefined` when it is somebody else's. */
export function parseChallengeCode(header: string | null): string | undefined {
  return header === null ? undefined : /\berror_description="([a-z_]+)"/.exec(header)?.[1];
}

/** Only what RFC 6750 §3 allows in a scope value, so that nothing can break out of the quoted string. */
function quotable(scope: string): string {
  return scope.replaceAll(/[^\u0020\u0021\u0023-\u005B\u005D-\u007E]/g, "");
}
