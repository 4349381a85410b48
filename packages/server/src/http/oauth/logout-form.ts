import { z } from "zod";

import type { FormShape } from "../form-body.ts";

const text = z.string().optional();

/** What a request to sign out may say, for the contract; each fault is told to the user. */
export const LOGOUT_FORM: z.ZodObject<FormShape> = z.object({
  id_token_hint: text,
  client_id: text,
  post_logout_redirect_uri: text,
  state: text,
});
