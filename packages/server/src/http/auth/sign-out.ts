import { signOut } from "../../flows/sign-out.ts";
import { signOutEverywhere } from "../../flows/sign-out-everywhere.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer, withCookies } from "../answers.ts";
import { clearedCookies } from "../cookies.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { readPresentedRefreshToken } from "../presented-refresh.ts";
import { hasAllowedOrigin } from "../trusted-origin.ts";

export async function postSignOut(exchange: Exchange): Promise<Answer> {
  const { transport, refreshToken } = await readPresentedRefreshToken(exchange);
  if (refreshToken !== undefined) await signOut(exchange.http, { refreshToken, origin: exchange.origin });
  return withCookies(emptyAnswer(), transport === "cookie" ? clearedCookies(exchange.http) : []);
}

export async function postSignOutEverywhere(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  await signOutEverywhere(exchange.http, who, exchange.origin);
  return withCookies(emptyAnswer(), hasAllowedOrigin(exchange) ? clearedCookies(exchange.http) : []);
}
