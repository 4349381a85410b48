import type { Transport } from "@latchkey/protocol";
import { z } from "zod";

import { AuthError } from "../../errors.ts";
import { signIn, signInOpaquely } from "../../flows/sign-in.ts";
import { opaqueSessionAnswer, sessionAnswer, withCookies } from "../answers.ts";
import { clearedAttemptCookie, clearedSessionCookie, readCookie } from "../cookies.ts";
import { readProof } from "../dpop-proof-header.ts";
import type { Handler } from "../exchange.ts";
import { jsonBody, taking } from "../request-body.ts";
import { hasAllowedOrigin, requireAllowedOrigin } from "../trusted-origin.ts";
import { parseSessionCookie } from "../../tokens/session-cookie.ts";
import { emailSchema, passwordSchema } from "./credentials.ts";

const credentials = z.strictObject({
  email: emailSchema,
  password: passwordSchema,
  transport: z.enum(["cookie", "body", "session"]).optional(),
  client_id: z.string().min(1).max(255).optional(),
  audience: z.string().min(1).max(255).optional(),
  scope: z.string().max(1024).optional(),
  remember: z.boolean().default(true),
});

export const postSignIn: Handler = taking(jsonBody(credentials), async (exchange, readBody) => {
  const { http, request, origin } = exchange;
  const wanted = await readBody();
  const transport: Transport | "session" = wanted.transport ?? (hasAllowedOrigin(exchange) ? "cookie" : "body");
  // Cookies set for a foreign page would sign the visitor in as somebody else (login CSRF).
  const setsCookies = transport !== "body";
  if (setsCookies) requireAllowedOrigin(exchange);

  const proof = readProof(exchange);
  if (transport === "session" && proof !== undefined) {
    throw new AuthError("invalid_request", { description: "DPoP: a session by cookie alone is bound to no key." });
  }
  const presented = setsCookies ? readCookie(request, http.cookies.sessionName) : undefined;
  const signInRequest = {
    email: wanted.email,
    password: wanted.password,
    clientId: wanted.client_id,
    audience: wanted.audience,
    scope: wanted.scope,
    remember: wanted.remember,
    replaces: setsCookies ? readCookie(request, http.cookies.names.refresh) : undefined,
    replacesOpaque: presented === undefined ? undefined : parseSessionCookie(presented),
    proof,
    origin,
  };
  if (transport === "session") return opaqueSessionAnswer(http, await signInOpaquely(http, signInRequest));

  const answer = sessionAnswer(http, await signIn(http, signInRequest), transport);
  return setsCookies
    ? withCookies(answer, [clearedAttemptCookie(http), ...clearedSessionCookie(http, request)])
    : answer;
});
