import { splitAuthorization } from "@latchkey/protocol";

import type { Refusal } from "./errors.ts";

/** What a verifier looks at in a request: a Fetch `Request`, Node's `IncomingMessage`, or anything shaped like one of them. */
export interface RequestLike {
  readonly headers: HeadersLike;
  /** Node's list of names and values in turn. `headers` silently drops a second `Authorization`; this does not. */
  readonly rawHeaders?: readonly string[];
  /** What a proof of possession must be for: the method, and the URL or path, before any rewriting or mounting… */
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** …which is here where a framework has changed `url`, as Express does below `app.use(path, …)`. */
  readonly originalUrl?: string | undefined;
}

/** A Fetch `Headers`, or an object by lower-case names as Node makes it. */
export type HeadersLike =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface PresentedToken {
  readonly scheme: "Bearer" | "DPoP";
  /** Whether it is a token at all, nobody has looked yet. */
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
  const header = request.rawHeaders === undefined ? headerOf(request.headers) : rawHeaderOf(request.rawHeaders);
  if (header === REPEATED) return refuse({ code: "invalid_request", reason: "repeated_authorization" });
  const authorization = splitAuthorization(header);
  if (authorization.kind === "none") return refuse({ code: "missing_token", reason: "no_token" });
  return { kind: "presented", presented: authorization };
}

const REPEATED = Symbol("repeated");

function rawHeaderOf(rawHeaders: readonly string[]): string | typeof REPEATED | undefined {
  let found: string | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!isNamed(rawHeaders[at], "authorization")) continue;
    if (found !== undefined) return REPEATED;
    found = rawHeaders[at + 1];
  }
  return found;
}

function headerOf(headers: HeadersLike): string | typeof REPEATED | undefined {
  const value = isFetchHeaders(headers) ? headers.get("authorization") : headers["authorization"];
  if (value === null || value === undefined || typeof value === "string") return value ?? undefined;
  return value.length > 1 ? REPEATED : value[0];
}

/** Every value of a header, by its name in any case; a Fetch `Headers` has joined them with commas. */
export function headerValues({ headers, rawHeaders }: RequestLike, name: string): readonly string[] {
  const lowerName = name.toLowerCase();
  if (rawHeaders !== undefined) {
    return rawHeaders.filter((_, index) => index % 2 === 1 && isNamed(rawHeaders[index - 1], lowerName));
  }
  const value = isFetchHeaders(headers) ? headers.get(lowerName) : headers[lowerName];
  if (value === null || value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

function isNamed(name: string | undefined, lowerName: string): boolean {
  return name?.length === lowerName.length && name.toLowerCase() === lowerName;
}

function isFetchHeaders(headers: HeadersLike): headers is { get(name: string): string | null } {
  return typeof headers["get"] === "function";
}

function refuse(refusal: Refusal): Presentation {
  return { kind: "refused", refusal };
}
