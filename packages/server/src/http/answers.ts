import { DPOP_ALGORITHMS } from "@latchkey/jwt";
import type {
  ErrorAnswer,
  OpaqueSessionAnswer,
  SessionAnswer,
  SessionSummary,
  Transport,
  UserAnswer,
} from "@latchkey/protocol";
import { ERRORS, formatChallenge, statusAtResource } from "@latchkey/protocol";

import { describeDevice } from "../domain/device-family.ts";
import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import type { AuthError } from "../errors.ts";
import type { SessionGrant } from "../flows/session-grant.ts";
import type { BegunSession } from "../flows/sign-in.ts";
import { opaqueSessionCookies, sessionCookies } from "./cookies.ts";
import type { HeaderFields } from "./answer-headers.ts";
import type { Answer, HttpContext } from "./exchange.ts";

/** A JSON answer. Whatever may carry a token or a cookie is never stored (RFC 6749 §5.1). */
export function jsonAnswer(status: number, body: object, headers?: HeaderFields): Answer {
  return {
    status,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store", Pragma: "no-cache", ...headers },
    body: JSON.stringify(body),
  };
}

/** A signed answer: a compact JWS of its own media type. */
export function jwtAnswer(jws: string, mediaType: string): Answer {
  return { status: 200, headers: { "Content-Type": mediaType, "Cache-Control": "no-store" }, body: jws };
}

export function emptyAnswer(status: 200 | 202 | 204 = 204): Answer {
  return { status, headers: { "Cache-Control": "no-store" }, body: null };
}

export function withCookies(answer: Answer, cookies: readonly string[]): Answer {
  return cookies.length === 0 ? answer : { ...answer, cookies: [...(answer.cookies ?? []), ...cookies] };
}

/** What sign-in and refresh answer. By cookie transport the refresh token is in no body. */
export function sessionAnswer(http: HttpContext, grant: SessionGrant, transport: Transport): Answer {
  const now = http.clock();
  const body: SessionAnswer = {
    access_token: grant.accessToken,
    token_type: grant.session.jkt === null ? "Bearer" : "DPoP",
    expires_in: Math.max(0, grant.accessTokenExpiresAt - now),
    scope: grant.session.scope,
    session_id: grant.session.id,
    user: userAnswer(grant.user),
    ...(transport === "body" && { refresh_token: grant.refreshToken }),
    refresh_token_timeout: grant.session.idleExpiresAt - now,
    authorization_expires_in: grant.session.expiresAt - now,
  };
  return withCookies(jsonAnswer(200, body), transport === "cookie" ? sessionCookies(http, grant) : []);
}

/** What sign-in answers for an opaque session: no token is in the body, and none that can be read in the cookie. */
export function opaqueSessionAnswer(http: HttpContext, begun: BegunSession): Answer {
  const { session, user } = begun;
  const now = http.clock();
  const body: OpaqueSessionAnswer = {
    scope: session.scope,
    session_id: session.id,
    user: userAnswer(user),
    csrf_token: http.csrfTokens.issue(session.id, session.generation),
    idle_timeout: session.idleExpiresAt - now,
    authorization_expires_in: session.expiresAt - now,
  };
  return withCookies(jsonAnswer(200, body), opaqueSessionCookies(http, begun));
}

export function userAnswer(user: User): UserAnswer {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    email_verified: user.emailVerified,
    roles: user.roles,
    created_at: timestamp(user.createdAt),
  };
}

export function sessionSummary(session: Session, currentId: string): SessionSummary {
  return {
    id: session.id,
    current: session.id === currentId,
    device: session.device,
    device_name: describeDevice(session.device),
    ip: session.ip,
    place: session.place,
    created_at: timestamp(session.createdAt),
    last_seen_at: timestamp(session.rotatedAt),
    expires_at: timestamp(session.expiresAt),
    client_id: session.clientId,
  };
}

/** A refusal: its code, its one sentence, and a challenge where HTTP demands one (RFC 9110 §15.5.2, RFC 6750 §3). */
export function errorAnswer(error: AuthError): Answer {
  const { code, details } = error;
  const body: ErrorAnswer = {
    error: code,
    error_description: details.description ?? ERRORS[code].description,
    ...(details.reasons !== undefined && { reasons: details.reasons }),
    ...(details.scope !== undefined && { scope: details.scope }),
  };
  const headers: Record<string, string> = {};
  const { scheme } = details;
  const status = details.status ?? (scheme === undefined ? ERRORS[code].status : statusAtResource(code));
  if (status === 401 || code === "insufficient_scope") headers["WWW-Authenticate"] = challengeFor(code, details);
  if (details.allow !== undefined) headers["Allow"] = details.allow.join(", ");
  if (status === 429 || status === 503) headers["Retry-After"] = String(details.retryAfterSeconds ?? 5);
  return jsonAnswer(status, body, headers);
}

function challengeFor(
  code: AuthError["code"],
  { scheme, description, maxAgeSeconds, scope }: AuthError["details"],
): string {
  if (code === "invalid_client") return 'Basic realm="latchkey", charset="UTF-8"';
  if (scheme === undefined && !isAboutAccessToken(code)) return "Bearer";
  return formatChallenge({
    code,
    ...(scheme !== undefined && { scheme }),
    ...(description !== undefined && { detail: description }),
    dpopAlgorithms: DPOP_ALGORITHMS,
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
    ...(scope !== undefined && { scope }),
  });
}

function isAboutAccessToken(code: AuthError["code"]): boolean {
  return (
    code === "missing_token" ||
    code === "invalid_token" ||
    code === "expired_token" ||
    code === "stale_token" ||
    code === "insufficient_scope" ||
    code === "insufficient_user_authentication"
  );
}

/** RFC 3339, UTC. */
export function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
