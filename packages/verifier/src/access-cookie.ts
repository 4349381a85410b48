import { accessCookieName, cookieValues } from "@latchkey/protocol";

import { VerifierError } from "./errors.ts";
import type { Refusal } from "./errors.ts";
import type { PresentedToken, RequestLike } from "./presented-token.ts";
import { headerValues } from "./presented-token.ts";

/** For an API on the authority's own host, which gets the access token as a cookie (`cookies.accessToken` there). */
export interface AccessCookieOptions {
  /** The origins of the pages that may send anything but GET, HEAD and OPTIONS, for example `https://app.example.com`. */
  readonly allowedOrigins: readonly string[];
}

/** Reads the token's cookie; `undefined` where there is none. */
export type ReadAccessCookie = (
  request: RequestLike,
) => { readonly presented: PresentedToken } | { readonly refusal: Refusal } | undefined;

/** @throws VerifierError `invalid_options` */
export function createAccessCookieReader(
  options: AccessCookieOptions | undefined,
  issuer: string,
): ReadAccessCookie | undefined {
  if (options === undefined) return undefined;
  const { allowedOrigins, ...others } = options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`accessCookie.${unknown}`, "is no option");
  if (!Array.isArray(allowedOrigins) || !allowedOrigins.every(isOrigin)) {
    throw invalid("accessCookie.allowedOrigins", "must be origins like https://app.example.com");
  }
  const trusted = new Set(allowedOrigins);
  const name = accessCookieName({ secure: new URL(issuer).protocol === "https:" });

  return (request) => {
    const [token, ...others] = cookiesNamed(request, name);
    if (token === undefined) return undefined;
    // Somebody else could plant one: no telling which is ours.
    if (others.length > 0) return { refusal: { code: "invalid_request", reason: "repeated_cookie" } };
    if (!isSafe(request.method) && !isTrusted(request, trusted)) {
      return { refusal: { code: "origin_not_allowed", reason: "foreign_page" } };
    }
    return { presented: { scheme: "Bearer", token } };
  };
}

function cookiesNamed(request: RequestLike, name: string): readonly string[] {
  return headerValues(request, "cookie")
    .flatMap((header) => cookieValues(header, name))
    .filter((value) => value !== "");
}

/** A request that does not say is taken for one that changes something. */
function isSafe(method: string | undefined): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/** As the authority does: an exact origin, or, where browsers leave it out, their word that it is the same. */
function isTrusted(request: RequestLike, trusted: ReadonlySet<string>): boolean {
  const [origin, ...others] = headerValues(request, "origin");
  if (others.length > 0) return false;
  if (origin !== undefined) return trusted.has(origin);
  return headerValues(request, "sec-fetch-site").join() === "same-origin";
}

function isOrigin(value: unknown): boolean {
  return typeof value === "string" && URL.canParse(value) && new URL(value).origin === value;
}

function invalid(name: string, fault: string): VerifierError {
  return new VerifierError("invalid_options", `${name}: ${fault}.`);
}
