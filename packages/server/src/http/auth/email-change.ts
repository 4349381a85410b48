import { z } from "zod";

import { changeEmail, requestEmailChange } from "../../flows/change-email.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer } from "../answers.ts";
import type { Handler } from "../exchange.ts";
import { jsonBody, taking } from "../request-body.ts";
import { emailSchema, passwordSchema } from "./credentials.ts";

const wanted = z.strictObject({ email: emailSchema, password: passwordSchema });

export const postEmailChange: Handler = taking(jsonBody(wanted), async (exchange, readBody) => {
  const who = await requireSignedIn(exchange);
  const { email, password } = await readBody();
  await requestEmailChange(exchange.http, who, { email, password, origin: exchange.origin });
  return emptyAnswer(202);
});

const confirmation = z.strictObject({ token: z.string().min(1).max(4_096), password: passwordSchema.optional() });

/** With the account's password in the body, or with an access token. */
export const postEmailChangeConfirm: Handler = taking(jsonBody(confirmation), async (exchange, readBody) => {
  const { token, password } = await readBody();
  const by = password === undefined ? await requireSignedIn(exchange) : { password };
  await changeEmail(exchange.http, { token, by, origin: exchange.origin });
  return emptyAnswer();
});
