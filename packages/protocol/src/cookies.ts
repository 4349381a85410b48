/** Where the refresh cookie travels: only to the authority's `/auth` (`path`), or to its whole origin (`origin`). */
export type CookieScope = "path" | "origin";

export interface CookieNames extends PageCookieNames {
  /** The refresh token. `HttpOnly; SameSite=Strict`. */
  readonly refresh: string;
}

/** The cookies that scripts of a page can read. */
export interface PageCookieNames {
  /** Readable by scripts; its value goes back in {@link CSRF_HEADER} on refresh and logout. */
  readonly csrf: string;
  /** The attempt keys, written by the client before each refresh. */
  readonly attempt: string;
}

/** Must carry the value of the CSRF cookie on every route that reads the refresh cookie. */
export const CSRF_HEADER = "X-CSRF-Token";

/**
 * The names of the authority's cookies. Browsers enforce the prefixes: `__Host-` keeps sibling subdomains from planting a
 * cookie, `__Secure-` only pages on plain HTTP. The refresh cookie cannot be `__Host-` and keep its narrow path; a planted
 * one is of no use without the CSRF token of its session, which cannot be planted. The prefixes are dropped (with `Secure`)
 * only for an issuer on loopback over plain HTTP.
 */
export function cookieNames(options: { readonly secure: boolean; readonly scope: CookieScope }): CookieNames {
  const refresh = options.secure && options.scope === "path" ? "__Secure-latchkey-rt" : `${prefixOf(options)}rt`;
  return { refresh, ...pageCookieNames(options) };
}

export function pageCookieNames(options: { readonly secure: boolean }): PageCookieNames {
  const prefix = prefixOf(options);
  return { csrf: `${prefix}csrf`, attempt: `${prefix}attempt` };
}

function prefixOf({ secure }: { readonly secure: boolean }): string {
  return secure ? "__Host-latchkey-" : "latchkey-";
}

/**
 * The access token, `HttpOnly`, where the authority is told to set it (`cookies.accessToken`): for servers that render pages,
 * and for APIs on the page's own host.
 */
export function accessCookieName(options: { readonly secure: boolean }): string {
  return options.secure ? "__Host-latchkey-at" : "latchkey-at";
}

/** The opaque session cookie of `transport: "session"`. `HttpOnly; SameSite=Strict`. */
export function sessionCookieName(options: { readonly secure: boolean }): string {
  return options.secure ? "__Host-latchkey-session" : "latchkey-session";
}

/**
 * The values of the cookies of this very name in a `Cookie` header, byte for byte but for the blanks around a pair (RFC 6265
 * §4.2.1). By hand: a regular expression takes quadratic time over blanks that end in something else, and anybody sends 16 KiB.
 */
export function cookieValues(header: string, name: string): readonly string[] {
  const prefix = `${name}=`;
  return header
    .split(";")
    .map(withoutBlanksAround)
    .filter((pair) => pair.startsWith(prefix))
    .map((pair) => pair.slice(prefix.length));
}

function withoutBlanksAround(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (start < end && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * The generation of the session that a CSRF token belongs to (`<generation>.<MAC>`), so that a page can tell whether
 * another tab has refreshed since and which attempt key is meant for the refresh to come. `undefined` if malformed.
 */
export function parseCsrfGeneration(csrfToken: string): number | undefined {
  const match = /^(0|[1-9]\d{0,8})\.[A-Za-z0-9_-]{43}$/.exec(csrfToken);
  return match === null ? undefined : Number(match[1]);
}
