import { endOpaqueSession } from "../../flows/opaque-session.ts";
import { signOut } from "../../flows/sign-out.ts";
import { signOutEverywhere } from "../../flows/sign-out-everywhere.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer, withCookies } from "../answers.ts";
import { clearedCookiesOf } from "../cookies.ts";
import type { Answer, Exchange, Handler } from "../exchange.ts";
import { presentedBody, readPresentedRefreshToken } from "../presented-refresh.ts";
import { taking } from "../request-body.ts";
import { readSessionCookie } from "../session-cookie.ts";
import { hasAllowedOrigin } from "../trusted-origin.ts";

export const postSignOut: Handler = taking(presentedBody, async (exchange, readBody) => {
  const cookie = readSessionCookie(exchange);
  if (cookie !== undefined) {
    await endOpaqueSession(exchange.http, cookie, { reason: "signed_out", origin: exchange.origin });
    return withCookies(emptyAnswer(), clearedCookiesOf(exchange));
  }
  const { transport, refreshToken } = await readPresentedRefreshToken(exchange, await readBody());
  if (refreshToken !== undefined) await signOut(exchange.http, { refreshToken, origin: exchange.origin });
  return withCookies(emptyAnswer(), transport === "cookie" ? clearedCookiesOf(exchange) : []);
});

export async function postSignOutEverywhere(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  await signOutEverywhere(exchange.http, who, exchange.origin);
  return withCookies(emptyAnswer(), hasAllowedOrigin(exchange) ? clearedCookiesOf(exchange) : []);
}
