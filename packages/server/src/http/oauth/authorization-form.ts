import { z } from "zod";

import { CLIENT_FORM } from "./client-authentication.ts";

const text = z.string().optional();

/**
 * What a request for a code may say, for the contract. It is read by `judgeAuthorizationRequest`, which answers each fault where
 * it is to be told.
 */
export const AUTHORIZATION_FORM: z.ZodObject<Readonly<Record<string, z.ZodOptional<z.ZodString>>>> = z.object({
  response_type: text,
  redirect_uri: text,
  scope: text,
  state: text,
  code_challenge: text,
  code_challenge_method: text,
  resource: text,
  dpop_jkt: text,
  nonce: text,
  prompt: text,
  max_age: text,
  login_hint: text,
  ...CLIENT_FORM,
});
