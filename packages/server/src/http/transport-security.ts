import { isLoopback } from "./client-address.ts";

/** What the server in front knows of a request and the request itself does not say. */
export interface ConnectionInfo {
  readonly remoteAddress?: string | undefined;
  /**
   * Whether this connection is encrypted. With `false` an `https:` authority answers only what a trusted proxy says came by
   * HTTPS, and what comes from this machine. Left out: whoever calls `fetch` sees to it.
   */
  readonly encrypted?: boolean | undefined;
  /** What the request is called in the log. */
  readonly requestId?: string | undefined;
}

/**
 * Whether a request has been in clear text on a network. Who says so of a request is always believed, since nobody gains by
 * it; that it came by HTTPS is believed of trusted proxies alone.
 */
export function cameInClearText(
  request: Request,
  { encrypted, remoteAddress }: ConnectionInfo,
  isTrustedProxy: (peer: string | undefined) => boolean,
): boolean {
  if (encrypted !== false) return false;
  const schemes = forwardedSchemes(request.headers);
  if (schemes.some((scheme) => scheme !== "https")) return true;
  return !isLoopback(remoteAddress) && !(schemes.length > 0 && isTrustedProxy(remoteAddress));
}

/** What each proxy on the way said it was asked by: `X-Forwarded-Proto`, and `Forwarded` (RFC 7239 §5.4). */
function forwardedSchemes(headers: Headers): readonly string[] {
  const said = headers.get("x-forwarded-proto")?.split(",") ?? [];
  const standard = (headers.get("forwarded") ?? "").matchAll(/(?:^|[;,])\s*proto\s*=\s*"?([^",;\s]*)/gi);
  return [...said, ...[...standard].map(([, scheme = ""]) => scheme)].map((scheme) => scheme.trim().toLowerCase());
}
