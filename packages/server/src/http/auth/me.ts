import { z } from "zod";

import { changePassword } from "../../flows/change-password.ts";
import { deleteAccount } from "../../flows/delete-account.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer, jsonAnswer, sessionSummary, userAnswer, withCookies } from "../answers.ts";
import { clearedCookiesOf, missingCsrfCookie } from "../cookies.ts";
import type { Answer, Exchange, Handler } from "../exchange.ts";
import { jsonBody, taking } from "../request-body.ts";
import { readSessionCookie } from "../session-cookie.ts";
import { hasAllowedOrigin } from "../trusted-origin.ts";
import { passwordSchema } from "./credentials.ts";

export async function getMe(exchange: Exchange): Promise<Answer> {
  const { user, session } = await requireSignedIn(exchange);
  const answer = jsonAnswer(200, { user: userAnswer(user), session: sessionSummary(session, session.id) });
  const isHeldByCookie = readSessionCookie(exchange)?.sessionId === session.id;
  return isHeldByCookie ? withCookies(answer, missingCsrfCookie(exchange, session)) : answer;
}

const passwordChange = z.strictObject({ current_password: passwordSchema, new_password: passwordSchema });

export const postPassword: Handler = taking(jsonBody(passwordChange), async (exchange, readBody) => {
  const who = await requireSignedIn(exchange);
  const body = await readBody();
  await changePassword(exchange.http, who, {
    currentPassword: body.current_password,
    newPassword: body.new_password,
    origin: exchange.origin,
  });
  return emptyAnswer();
});

const deletion = z.strictObject({ password: passwordSchema });

export const deleteMe: Handler = taking(jsonBody(deletion), async (exchange, readBody) => {
  const who = await requireSignedIn(exchange);
  const { password } = await readBody();
  await deleteAccount(exchange.http, who, { password, origin: exchange.origin });
  return withCookies(emptyAnswer(), hasAllowedOrigin(exchange) ? clearedCookiesOf(exchange) : []);
});
