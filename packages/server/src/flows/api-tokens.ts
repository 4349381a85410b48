import type { ApiToken, ApiTokenPolicy } from "../domain/api-token.ts";
import { AuthError } from "../errors.ts";
import type { ApiTokens } from "../tokens/api-token.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** What an authority needs that has API tokens. */
export interface ApiTokenSupport {
  readonly policy: ApiTokenPolicy;
  readonly tokens: ApiTokens;
}

/** @throws AuthError `not_found` where the operator has not switched them on */
export function requireApiTokens({ apiTokens }: Pick<FlowContext, "apiTokens">): ApiTokenSupport {
  if (apiTokens === undefined) throw new AuthError("not_found");
  return apiTokens;
}

/** A user's own live API tokens, newest first. */
export async function listApiTokens(context: FlowContext, who: SignedIn): Promise<readonly ApiToken[]> {
  requireApiTokens(context);
  return context.store.apiTokens.listApiTokens(who.user.id, context.clock());
}
