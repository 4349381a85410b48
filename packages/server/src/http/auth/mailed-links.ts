import { z } from "zod";

import { requestPasswordReset } from "../../flows/request-password-reset.ts";
import { resetPassword } from "../../flows/reset-password.ts";
import { resendVerification, verifyEmail } from "../../flows/verify-email.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer } from "../answers.ts";
import type { Answer, Exchange, Handler } from "../exchange.ts";
import { jsonBody, taking } from "../request-body.ts";
import { emailSchema, passwordSchema } from "./credentials.ts";

const tokenSchema = z.string().min(1).max(4_096);

const forgotten = z.strictObject({ email: emailSchema });

export const postPasswordForgot: Handler = taking(jsonBody(forgotten), async (exchange, readBody) => {
  const { email } = await readBody();
  await requestPasswordReset(exchange.http, { email, origin: exchange.origin });
  return emptyAnswer(202);
});

const reset = z.strictObject({ token: tokenSchema, password: passwordSchema });

export const postPasswordReset: Handler = taking(jsonBody(reset), async (exchange, readBody) => {
  const { token, password } = await readBody();
  await resetPassword(exchange.http, { token, password, origin: exchange.origin });
  return emptyAnswer();
});

const verification = z.strictObject({ token: tokenSchema, password: passwordSchema.optional() });

/** With the account's password in the body, or with an access token. */
export const postEmailVerify: Handler = taking(jsonBody(verification), async (exchange, readBody) => {
  const { token, password } = await readBody();
  const by = password === undefined ? await requireSignedIn(exchange) : { password };
  await verifyEmail(exchange.http, { token, by, origin: exchange.origin });
  return emptyAnswer();
});

export async function postEmailResend(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  await resendVerification(exchange.http, who, exchange.origin);
  return emptyAnswer(202);
}
