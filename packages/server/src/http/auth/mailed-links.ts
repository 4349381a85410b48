import { z } from "zod";

import { AuthError } from "../../errors.ts";
import { requestPasswordReset } from "../../flows/request-password-reset.ts";
import { resetPassword } from "../../flows/reset-password.ts";
import { resendVerification, verifyEmail } from "../../flows/verify-email.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer } from "../answers.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { readJsonBody } from "../json-body.ts";
import { emailSchema, passwordSchema } from "./credentials.ts";

const tokenSchema = z.string().min(1).max(4_096);

const forgotten = z.strictObject({ email: emailSchema });

export async function postPasswordForgot(exchange: Exchange): Promise<Answer> {
  requireMail(exchange);
  const { email } = await readJsonBody(exchange.request, forgotten);
  await requestPasswordReset(exchange.http, { email, origin: exchange.origin });
  return emptyAnswer(202);
}

const reset = z.strictObject({ token: tokenSchema, password: passwordSchema });

export async function postPasswordReset(exchange: Exchange): Promise<Answer> {
  requireMail(exchange);
  const { token, password } = await readJsonBody(exchange.request, reset);
  await resetPassword(exchange.http, { token, password, origin: exchange.origin });
  return emptyAnswer();
}

const verification = z.strictObject({ token: tokenSchema, password: passwordSchema.optional() });

/** With the account's password in the body, or with an access token. */
export async function postEmailVerify(exchange: Exchange): Promise<Answer> {
  requireMail(exchange);
  const { token, password } = await readJsonBody(exchange.request, verification);
  const by = password === undefined ? await requireSignedIn(exchange) : { password };
  await verifyEmail(exchange.http, { token, by, origin: exchange.origin });
  return emptyAnswer();
}

export async function postEmailResend(exchange: Exchange): Promise<Answer> {
  requireMail(exchange);
  const who = await requireSignedIn(exchange);
  await resendVerification(exchange.http, who, exchange.origin);
  return emptyAnswer(202);
}

/** Without a mailer these routes do not exist. */
function requireMail({ http }: Exchange): void {
  if (http.mail === undefined) throw new AuthError("not_found");
}
