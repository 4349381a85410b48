/**
 * What is wrong with an issuer identifier, or `undefined`. It must be an `https:` URL without query and fragment
 * (RFC 8414 §2); plain `http:` only on loopback, for development. It must also be written as URLs are normalised, because it
 * is compared byte for byte (§3.3), and because `/../` would look for the metadata elsewhere than it reads.
 */
export function findIssuerFault(issuer: string): string | undefined {
  const url = URL.parse(issuer);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return "is no https: URL, for example https://auth.example.com";
  }
  if (url.protocol === "http:" && !isLoopback(url)) {
    return "must be https: (plain http: is for loopback addresses only: keys fetched over it could be anybody's)";
  }
  if (issuer.includes("?") || issuer.includes("#")) return "must have no query and no fragment (RFC 8414 §2)";
  if (url.username !== "" || url.password !== "") return "must hold no user name or password";
  if (url.href !== issuer && url.href !== `${issuer}/`) return `must be written as ${JSON.stringify(url.href)}`;
  return undefined;
}

/**
 * Whether the issuer's metadata may send us to `uri`, for its keys or with our credentials: `https:`, on any host, since large providers serve keys
 * from another one; `http:` and `https:` on loopback where the issuer itself is there. Never `file:` or a downgrade.
 */
export function isEndpointUrl(uri: unknown, issuer: string): uri is string {
  const url = typeof uri === "string" ? URL.parse(uri) : null;
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && isLoopback(url) && issuer.startsWith("http:");
}

function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}
