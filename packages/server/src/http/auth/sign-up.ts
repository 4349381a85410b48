import { z } from "zod";

import { signUp } from "../../flows/sign-up.ts";
import { jsonAnswer, userAnswer } from "../answers.ts";
import type { Handler } from "../exchange.ts";
import { jsonBody, taking } from "../request-body.ts";
import { emailSchema, passwordSchema } from "./credentials.ts";

const account = z.strictObject({
  email: emailSchema,
  password: passwordSchema,
  // Nothing that could break a log line or turn the text around it: a name is shown to others.
  name: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[^\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]+$/u)
    .optional(),
});

export const postSignUp: Handler = taking(jsonBody(account), async (exchange, readBody) => {
  const { email, password, name } = await readBody();
  const user = await signUp(exchange.http, { email, password, name: name ?? null, origin: exchange.origin });
  return jsonAnswer(201, { user: userAnswer(user) });
});
