import { isIP } from "node:net";

import { serialize } from "hono/utils/cookie";

import type { AuthError } from "../errors.ts";
import type { HttpContext } from "./exchange.ts";

/**
 * Clears what another host of the site may have planted by the name of a cookie of ours, where a request brought two: they
 * lie under a domain, which none of ours does, so that ours stays and the next request brings it alone. Every domain above
 * this host, and every path that this request comes under. Browsers let nobody plant a `__Host-` cookie.
 */
export function clearedPlantedCookies(
  { issuer, cookies }: Pick<HttpContext, "issuer" | "cookies">,
  { details: { duplicateCookie: name } }: AuthError,
  path: string,
): readonly string[] {
  if (name === undefined || name.startsWith("__Host-")) return [];
  const paths = pathsAbove(path);
  return domainsAbove(new URL(issuer).hostname).flatMap((domain) =>
    paths.map((above) => {
      const attributes = { domain, path: above, maxAge: 0, secure: cookies.secure, httpOnly: true } as const;
      return serialize(name, "", { ...attributes, sameSite: "Strict" });
    }),
  );
}

/** The host itself, and all above it but the topmost, which browsers let nobody have cookies for. */
function domainsAbove(host: string): readonly string[] {
  if (isIP(host) !== 0 || host.startsWith("[")) return [];
  const labels = host.split(".");
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join("."));
}

/** `/auth/refresh` comes under `/`, `/auth`, `/auth/`, and itself (RFC 6265 §5.1.4). */
function pathsAbove(path: string): readonly string[] {
  const ends = [...path.matchAll(/\//g)].map(({ index }) => index);
  return [...new Set([...ends.flatMap((end) => [path.slice(0, end + 1), path.slice(0, end)]), path])].filter(Boolean);
}
