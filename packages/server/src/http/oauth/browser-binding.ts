import { hash, randomBytes } from "node:crypto";

import { serialize } from "hono/utils/cookie";

import { readCookie } from "../cookies.ts";
import type { Exchange } from "../exchange.ts";
import type { OAuthFace } from "./oauth-face.ts";

/** For how long a request may wait for its user, in seconds. */
export const REQUEST_LIFETIME_SECONDS = 600;

/** A browser, as far as it can be told apart. */
export interface BrowserBinding {
  /** What requests are bound to. */
  readonly browser: string;
  /** To be set with the answer. */
  readonly cookie: string;
}

/**
 * Names the browser that begins a request by a random cookie, so that nobody can have it finished in another: neither a victim the
 * attacker's request, nor the attacker a victim's. One browser keeps one name, however many tabs begin requests.
 *
 * `Lax`, since clients send their users here from other sites, where no stricter cookie comes along.
 */
export function bindBrowser({ request, http }: Exchange, { browserCookie }: OAuthFace): BrowserBinding {
  const value = knownName(request, browserCookie) ?? randomBytes(32).toString("base64url");
  const { secure } = http.cookies;
  const cookie = serialize(browserCookie, value, {
    path: "/",
    httpOnly: true,
    secure,
    sameSite: "Lax",
    maxAge: REQUEST_LIFETIME_SECONDS,
  });
  return { browser: nameOf(value), cookie };
}

/**
 * Whether the browser has said which it is. With a form of another site's page it cannot: its cookie stays behind, and whoever
 * would name it anew would part it from the requests that it has under way.
 *
 * @throws AuthError `invalid_request` for two cookies of the name
 */
export function hasNamedBrowser({ request }: Exchange, { browserCookie }: OAuthFace): boolean {
  return knownName(request, browserCookie) !== undefined;
}

/** Whether the request comes from the browser of this name. */
export function isOfBrowser({ request }: Exchange, { browserCookie }: OAuthFace, browser: string): boolean {
  const value = readCookie(request, browserCookie);
  return value !== undefined && nameOf(value) === browser;
}

function knownName(request: Request, cookie: string): string | undefined {
  const value = readCookie(request, cookie);
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined;
}

function nameOf(value: string): string {
  return hash("sha256", value, "base64url");
}
