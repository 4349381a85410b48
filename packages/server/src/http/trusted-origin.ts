import { AuthError } from "../errors.ts";
import type { Exchange } from "./exchange.ts";

/** Whether the request comes from a page of an allowed origin. Exact comparison: no prefix, case or `null` tricks. */
export function hasAllowedOrigin({ request, http }: Exchange): boolean {
  const origin = request.headers.get("origin");
  return origin !== null && http.allowedOrigins.has(origin);
}

/**
 * Every route that reads or sets cookies demands this. Browsers always send `Origin` with a POST; where it is missing, only
 * Fetch Metadata can vouch for the page.
 *
 * @throws AuthError `origin_not_allowed`
 */
export function requireAllowedOrigin(exchange: Exchange): void {
  const { headers } = exchange.request;
  const allowed = headers.has("origin") ? hasAllowedOrigin(exchange) : headers.get("sec-fetch-site") === "same-origin";
  if (!allowed) throw new AuthError("origin_not_allowed");
}
