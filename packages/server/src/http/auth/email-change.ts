import { z } from "zod";

import { AuthError } from "../../errors.ts";
import { changeEmail, requestEmailChange } from "../../flows/change-email.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer } from "../answers.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { readJsonBody } from "../json-body.ts";
import { emailSchema, passwordSchema } from "./credentials.ts";

const wanted = z.strictObject({ email: emailSchema, password: passwordSchema });

export async function postEmailChange(exchange: Exchange): Promise<Answer> {
  requireLink(exchange);
  const who = await requireSignedIn(exchange);
  const { email, password } = await readJsonBody(exchange.request, wanted);
  await requestEmailChange(exchange.http, who, { email, password, origin: exchange.origin });
  return emptyAnswer(202);
}

const confirmation = z.strictObject({ token: z.string().min(1).max(4_096), password: passwordSchema.optional() });

/** With the account's password in the body, or with an access token. */
export async function postEmailChangeConfirm(exchange: Exchange): Promise<Answer> {
  requireLink(exchange);
  const { token, password } = await readJsonBody(exchange.request, confirmation);
  const by = password === undefined ? await requireSignedIn(exchange) : { password };
  await changeEmail(exchange.http, { token, by, origin: exchange.origin });
  return emptyAnswer();
}

/** Without a page to lead to these routes do not exist. */
function requireLink({ http }: Exchange): void {
  if (http.mail?.links.changeEmail === undefined) throw new AuthError("not_found");
}
