import type { Transport } from "@latchkey/protocol";
import { z } from "zod";

import { signIn } from "../../flows/sign-in.ts";
import { sessionAnswer, withCookies } from "../answers.ts";
import { clearedAttemptCookie, readCookie } from "../cookies.ts";
import { readProof } from "../dpop-proof-header.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { readJsonBody } from "../json-body.ts";
import { hasAllowedOrigin, requireAllowedOrigin } from "../trusted-origin.ts";
import { emailSchema, passwordSchema } from "./credentials.ts";

const body = z.strictObject({
  email: emailSchema,
  password: passwordSchema,
  transport: z.enum(["cookie", "body"]).optional(),
  client_id: z.string().min(1).max(255).optional(),
  audience: z.string().min(1).max(255).optional(),
  scope: z.string().max(1024).optional(),
  remember: z.boolean().default(true),
});

export async function postSignIn(exchange: Exchange): Promise<Answer> {
  const { http, request, origin } = exchange;
  const wanted = await readJsonBody(request, body);
  const transport: Transport = wanted.transport ?? (hasAllowedOrigin(exchange) ? "cookie" : "body");
  // Cookies set for a foreign page would sign the visitor in as somebody else (login CSRF).
  if (transport === "cookie") requireAllowedOrigin(exchange);

  const proof = readProof(exchange);
  const grant = await signIn(http, {
    email: wanted.email,
    password: wanted.password,
    clientId: wanted.client_id,
    audience: wanted.audience,
    scope: wanted.scope,
    remember: wanted.remember,
    replaces: transport === "cookie" ? readCookie(request, http.cookies.names.refresh) : undefined,
    proof,
    origin,
  });
  const answer = sessionAnswer(http, grant, transport);
  return transport === "cookie" ? withCookies(answer, [clearedAttemptCookie(http)]) : answer;
}
