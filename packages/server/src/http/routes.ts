import { deleteApiToken, deleteApiTokens, getApiTokens, postApiToken } from "./auth/api-tokens.ts";
import { postApiTokenUses } from "./api-token-uses.ts";
import { deleteMe, getMe, postPassword } from "./auth/me.ts";
import { postEmailChange, postEmailChangeConfirm } from "./auth/email-change.ts";
import { postEmailResend, postEmailVerify, postPasswordForgot, postPasswordReset } from "./auth/mailed-links.ts";
import { postRefresh } from "./auth/refresh.ts";
import { deleteSession, getSessions } from "./auth/sessions.ts";
import { postSignIn } from "./auth/sign-in.ts";
import { postSignOut, postSignOutEverywhere } from "./auth/sign-out.ts";
import { postSignUp } from "./auth/sign-up.ts";
import type { Route } from "./exchange.ts";
import { getStatusList } from "./status-list.ts";
import { getLive, getReady } from "./health.ts";
import { postIntrospect } from "./oauth/introspect.ts";
import { postRevoke } from "./oauth/revoke.ts";
import { getApiTokenKeySet, getKeySet, getMetadata } from "./published.ts";
import { getRevocations } from "./revocations.ts";

/** The wire contract: everything the authority answers, below its issuer's path. */
export const ROUTES: readonly Route[] = [
  { method: "POST", path: "/auth/signup", summary: "Make an account", handle: postSignUp },
  { method: "POST", path: "/auth/login", summary: "Sign in: begin a session", handle: postSignIn },
  { method: "POST", path: "/auth/refresh", summary: "Exchange the refresh token", handle: postRefresh },
  { method: "POST", path: "/auth/logout", summary: "End this session", handle: postSignOut },
  { method: "POST", path: "/auth/logout-all", summary: "End all my sessions", handle: postSignOutEverywhere },
  { method: "GET", path: "/auth/me", summary: "Who am I", handle: getMe },
  { method: "DELETE", path: "/auth/me", summary: "Delete my account", handle: deleteMe },
  { method: "GET", path: "/auth/sessions", summary: "List my sessions", handle: getSessions },
  { method: "DELETE", path: "/auth/sessions/:id", summary: "End one of my sessions", handle: deleteSession },
  { method: "POST", path: "/auth/password", summary: "Change my password", handle: postPassword },
  { method: "GET", path: "/auth/tokens", summary: "List my API tokens", handle: getApiTokens },
  { method: "POST", path: "/auth/tokens", summary: "Make an API token", handle: postApiToken },
  { method: "DELETE", path: "/auth/tokens", summary: "Revoke all my API tokens", handle: deleteApiTokens },
  { method: "DELETE", path: "/auth/tokens/:id", summary: "Revoke one of my API tokens", handle: deleteApiToken },
  { method: "POST", path: "/oauth/introspect", summary: "Is this token good (RFC 7662)", handle: postIntrospect },
  { method: "POST", path: "/oauth/revoke", summary: "End what this token gives (RFC 7009)", handle: postRevoke },
  {
    method: "POST",
    path: "/auth/password/forgot",
    summary: "Mail me a link for a new password",
    handle: postPasswordForgot,
  },
  {
    method: "POST",
    path: "/auth/password/reset",
    summary: "Set a password by a mailed link",
    handle: postPasswordReset,
  },
  {
    method: "POST",
    path: "/auth/email/verify",
    summary: "Confirm my address by a mailed link",
    handle: postEmailVerify,
  },
  {
    method: "POST",
    path: "/auth/email/change",
    summary: "Mail a link to my new address",
    handle: postEmailChange,
  },
  {
    method: "POST",
    path: "/auth/email/change/confirm",
    summary: "Change my address by that link",
    handle: postEmailChangeConfirm,
  },
  { method: "POST", path: "/auth/email/resend", summary: "Mail me that link once more", handle: postEmailResend },
  { method: "GET", path: "/.well-known/openid-configuration", summary: "Metadata", handle: getMetadata },
  { method: "GET", path: "/.well-known/jwks.json", summary: "Key set", handle: getKeySet },
  {
    method: "GET",
    path: "/.well-known/api-token-jwks.json",
    summary: "Key set of API tokens",
    handle: getApiTokenKeySet,
  },
  { method: "POST", path: "/api-tokens/uses", summary: "Say which API tokens were used", handle: postApiTokenUses },
  { method: "GET", path: "/revocations", summary: "The revocation feed", handle: getRevocations },
  { method: "GET", path: "/status-lists/:id", summary: "A status list", handle: getStatusList },
  { method: "GET", path: "/health/live", summary: "Is the process up", handle: getLive, inClearText: true },
  { method: "GET", path: "/health/ready", summary: "Can it answer", handle: getReady, inClearText: true },
];
