import { endOpaqueSession } from "../../flows/opaque-session.ts";
import { signOut } from "../../flows/sign-out.ts";
import { signOutEverywhere } from "../../flows/sign-out-everywhere.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer, withCookies } from "../answers.ts";
import { clearedCookiesOf } from "../cookies.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { readPresentedRefreshToken } from "../presented-refresh.ts";
import { readSessionCookie } from "../session-cookie.ts";
import { hasAllowedOrigin } from "../trusted-origin.ts";

export async function postSignOut(exchange: Exchange): Promise<Answer> {
  const cookie = readSessionCookie(exchange);
  if (cookie !== undefined) {
    await endOpaqueSession(exchange.http, cookie, { reason: "signed_out", origin: exchange.origin });
    return withCookies(emptyAnswer(), clearedCookiesOf(exchange));
  }
  const { transport, refreshToken } = await readPresentedRefreshToken(exchange);
  if (refreshToken !== undefined) await signOut(exchange.http, { refreshToken, origin: exchange.origin });
  return withCookies(emptyAnswer(), transport === "cookie" ? clearedCookiesOf(exchange) : []);
}

export async function postSignOutEverywhere(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  await signOutEverywhere(exchange.http, who, exchange.origin);
  return withCookies(emptyAnswer(), hasAllowedOrigin(exchange) ? clearedCookiesOf(exchange) : []);
}
