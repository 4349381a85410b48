import type { ApiToken } from "../domain/api-token.ts";
import { OPERATOR } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { endApiToken, endUserApiTokens } from "./end-api-token.ts";

interface OperatorContext {
  readonly store: Pick<Store, "accounts" | "apiTokens">;
  readonly clock: Clock;
}

const reason = "revoked_by_operator";

/** A user's live API tokens, newest first; `undefined` where there is no such user. */
export async function listUserApiTokens(
  { store, clock }: OperatorContext,
  email: string,
): Promise<readonly ApiToken[] | undefined> {
  const account = await store.accounts.findAccountByEmail(normalizeEmail(email));
  return account && store.apiTokens.listApiTokens(account.user.id, clock());
}

/** Ends an API token, by its id; felt at every verifier within a second. Answers whether there is one. */
export async function revokeApiToken(context: OperatorContext, tokenId: string): Promise<boolean> {
  const token = await context.store.apiTokens.findApiToken(tokenId);
  if (token === undefined) return false;
  return endApiToken(context, { tokenId, userId: token.userId, reason, origin: OPERATOR });
}

/** Ends all API tokens of a user; answers how many, and `undefined` where there is no such user. */
export async function revokeUserApiTokens(context: OperatorContext, email: string): Promise<number | undefined> {
  const account = await context.store.accounts.findAccountByEmail(normalizeEmail(email));
  return account && endUserApiTokens(context, { userId: account.user.id, reason, origin: OPERATOR });
}
