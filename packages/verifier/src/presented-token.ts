import { parseAuthorization } from "@latchkey/protocol";

import type { Refusal } from "./errors.ts";

/** What a verifier looks at in a request: a Fetch `Request`, Node's `IncomingMessage`, or anything shaped like one of them. */
export interface RequestLike {
  readonly headers: HeadersLike;
  /** Node's list of names and values in turn. `headers` silently drops a second `Authorization`; this does not. */
  readonly rawHeaders?: readonly string[];
}

/** A Fetch `Headers`, or an object by lower-case names as Node makes it. */
export type HeadersLike =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface PresentedToken {
  readonly scheme: "Bearer" | "DPoP";
  readonly token: string;
}

export type Presentation =
  | { readonly kind: "presented"; readonly presented: PresentedToken }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/**
 * The token of a request, from `Authorization` alone: the query and the body are not looked at (OAuth 2.1 §5.1). Exactly one
 * is taken, for with two the proxy in front and we might not mean the same (RFC 6750 §2).
 */
export function readPresentedToken(request: RequestLike): Presentation {
  const [value, ...others] = authorizationHeaders(request);
  if (others.length > 0) return refuse({ code: "invalid_request", reason: "repeated_authorization" });
  const authorization = parseAuthorization(value);
  if (authorization.kind === "none") return refuse({ code: "missing_token", reason: "no_token" });
  if (authorization.kind === "malformed") {
    return refuse({ code: "invalid_request", reason: "malformed_authorization" });
  }
  return { kind: "presented", presented: { scheme: authorization.scheme, token: authorization.token } };
}

function authorizationHeaders({ headers, rawHeaders }: RequestLike): readonly string[] {
  if (rawHeaders !== undefined) {
    return rawHeaders.filter((_, index) => index % 2 === 1 && isAuthorization(rawHeaders[index - 1]));
  }
  const value = isFetchHeaders(headers) ? headers.get("authorization") : headers["authorization"];
  if (value === null || value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

function isAuthorization(name: string | undefined): boolean {
  return name?.length === 13 && name.toLowerCase() === "authorization";
}

function isFetchHeaders(headers: HeadersLike): headers is { get(name: string): string | null } {
  return typeof headers["get"] === "function";
}

function refuse(refusal: Refusal): Presentation {
  return { kind: "refused", refusal };
}
