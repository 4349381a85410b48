import { cookieValues } from "@latchkey/protocol";
import { serialize } from "hono/utils/cookie";

import type { Session } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import type { SessionGrant } from "../flows/session-grant.ts";
import type { BegunSession } from "../flows/sign-in.ts";
import { formatSessionCookie } from "../tokens/session-cookie.ts";
import type { Exchange, HttpContext } from "./exchange.ts";

/**
 * Reads one cookie by its exact name. Two of one name mean that somebody else could plant one (cookie tossing from a
 * sibling subdomain): no telling which is ours, so neither is taken.
 *
 * @throws AuthError `invalid_request` for two cookies of the name
 */
export function readCookie(request: Request, name: string): string | undefined {
  const values = cookieValues(request.headers.get("cookie") ?? "", name);
  if (values.length <= 1) return values[0];
  throw new AuthError("invalid_request", { description: "There are two cookies of one name.", duplicateCookie: name });
}

/** The cookies of a session: its tokens, out of reach of scripts, and its CSRF token, within. */
export function sessionCookies(http: HttpContext, grant: SessionGrant): readonly string[] {
  const { session } = grant;
  const lifetime = session.persistent ? { maxAge: session.idleExpiresAt - http.clock() } : {};
  return [
    ...accessCookie(http, grant),
    serialize(http.cookies.names.refresh, grant.refreshToken, { ...refreshAttributes(http), ...lifetime }),
    csrfCookie(http, http.csrfTokens.issue(session.id, session.generation), lifetime),
  ];
}

/** A token that is bound to a key is of no use to who has the cookie alone; one of the session before must not stay. */
function accessCookie(
  http: HttpContext,
  { session, accessToken, accessTokenExpiresAt }: SessionGrant,
): readonly string[] {
  const { accessName } = http.cookies;
  if (accessName === undefined) return [];
  if (session.jkt !== null) return clearedAccessCookie(http);
  const maxAge = Math.max(0, accessTokenExpiresAt - http.clock());
  return [serialize(accessName, accessToken, { ...wholeHostAttributes(http), maxAge })];
}

function clearedAccessCookie(http: HttpContext): readonly string[] {
  const { accessName } = http.cookies;
  return accessName === undefined ? [] : [serialize(accessName, "", { ...wholeHostAttributes(http), maxAge: 0 })];
}

/** The CSRF token's cookie; without a lifetime it ends with the browser, or with the next refresh. */
export function csrfCookie(http: HttpContext, token: string, lifetime: { readonly maxAge?: number } = {}): string {
  return serialize(http.cookies.names.csrf, token, { ...scriptAttributes(http), ...lifetime });
}

/** Clears the attempt keys of whatever session was there before. */
export function clearedAttemptCookie(http: HttpContext): string {
  return serialize(http.cookies.names.attempt, "", { ...scriptAttributes(http), maxAge: 0 });
}

/**
 * The cookies of an opaque session, in place of any other's. How long it may idle is up to the row, which is looked at each
 * time, so that they need not be set again.
 */
export function opaqueSessionCookies(http: HttpContext, { session, secret }: BegunSession): readonly string[] {
  const lifetime = session.persistent ? { maxAge: session.expiresAt - http.clock() } : {};
  const value = formatSessionCookie({ sessionId: session.id, secret });
  const { csrf } = http.cookies.names;
  return [
    serialize(http.cookies.sessionName, value, { ...wholeHostAttributes(http), ...lifetime }),
    csrfCookie(http, http.csrfTokens.issue(session.id, session.generation), lifetime),
    ...clearedCookies(http).filter((cookie) => !cookie.startsWith(`${csrf}=`)),
  ];
}

/** The CSRF token of an opaque session anew, where its cookie is gone, or was made with a key that has been revoked. */
export function missingCsrfCookie({ http, request }: Exchange, session: Session): readonly string[] {
  const presented = readCookie(request, http.cookies.names.csrf) ?? null;
  if (http.csrfTokens.read(presented, session.id) !== undefined) return [];
  const lifetime = session.persistent ? { maxAge: session.expiresAt - http.clock() } : {};
  return [csrfCookie(http, http.csrfTokens.issue(session.id, session.generation), lifetime)];
}

/** Clears what a browser has: the cookies of `clearedCookies`, and the opaque session cookie where it came along. */
export function clearedCookiesOf({ http, request }: Exchange): readonly string[] {
  return [...clearedCookies(http), ...clearedSessionCookie(http, request)];
}

/** Where it came along. */
export function clearedSessionCookie(http: HttpContext, request: Request): readonly string[] {
  const { sessionName } = http.cookies;
  if (!(request.headers.get("cookie") ?? "").includes(`${sessionName}=`)) return [];
  return [serialize(sessionName, "", { ...wholeHostAttributes(http), maxAge: 0 })];
}

/** Clears all, with the attributes they were set with: browsers ignore a deletion that lacks them (CVE-2025-55162). */
function clearedCookies(http: HttpContext): readonly string[] {
  return [
    ...clearedAccessCookie(http),
    serialize(http.cookies.names.refresh, "", { ...refreshAttributes(http), maxAge: 0 }),
    serialize(http.cookies.names.csrf, "", { ...scriptAttributes(http), maxAge: 0 }),
    clearedAttemptCookie(http),
  ];
}

type Attributes = NonNullable<Parameters<typeof serialize>[2]>;

function refreshAttributes({ cookies }: HttpContext): Attributes {
  return { path: cookies.refreshPath, httpOnly: true, secure: cookies.secure, sameSite: "Strict" };
}

function wholeHostAttributes({ cookies }: HttpContext): Attributes {
  return { path: "/", httpOnly: true, secure: cookies.secure, sameSite: "Strict" };
}

function scriptAttributes({ cookies }: HttpContext): Attributes {
  return { path: "/", secure: cookies.secure, sameSite: "Strict" };
}
