/** Whether an issuer is served without TLS: allowed on loopback alone. */
export function isInsecureLoopback(issuer: string): boolean {
  const { protocol, hostname } = new URL(issuer);
  return protocol === "http:" && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** What is wrong with an issuer, for people; `undefined` where nothing is. */
export function issuerFault(issuer: string): string | undefined {
  if (!URL.canParse(issuer))
    return "is no URL. It is the authority's own, as tokens will carry it: https://auth.example.com";
  const url = new URL(issuer);
  if (url.protocol !== "https:" && !isInsecureLoopback(issuer)) {
    return "must be https: (plain http: is for localhost, 127.0.0.1 and [::1] alone)";
  }
  if (url.search !== "" || url.hash !== "" || url.username !== "") return "must have no query, fragment or user";
  const canonical = url.pathname === "/" ? url.origin : `${url.origin}${url.pathname}`;
  if (issuer !== canonical || issuer.endsWith("/")) {
    return `must be written as tokens will carry it: ${canonical.replace(/\/+$/, "")}`;
  }
  return undefined;
}
