import type { ApiTokenRevocationReason } from "../domain/api-token.ts";
import type { Origin } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { requireApiTokens } from "./api-tokens.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** Ends one of the user's own API tokens. Another user's is not found, like one that never was. */
export async function endOwnApiToken(
  context: FlowContext,
  who: SignedIn,
  request: { readonly tokenId: string; readonly origin: Origin },
): Promise<void> {
  requireApiTokens(context);
  const { tokenId, origin } = request;
  const isEnded = await endApiToken(context, { tokenId, userId: who.user.id, reason: "revoked_by_user", origin });
  if (!isEnded) throw new AuthError("not_found");
}

/** Ends all of the user's own. */
export async function endOwnApiTokens(context: FlowContext, who: SignedIn, origin: Origin): Promise<void> {
  requireApiTokens(context);
  await endUserApiTokens(context, { userId: who.user.id, reason: "revoked_by_user", origin });
}

interface Ending {
  readonly userId: string;
  readonly reason: ApiTokenRevocationReason;
  readonly origin: Origin;
}

/** Ends one; answers whether the user has it. Told of once, however often it is asked. */
export async function endApiToken(
  { store, clock }: { readonly store: Pick<Store, "apiTokens">; readonly clock: Clock },
  { tokenId, userId, reason, origin }: Ending & { readonly tokenId: string },
): Promise<boolean> {
  const token = await store.apiTokens.findApiToken(tokenId);
  if (token === undefined || token.userId !== userId) return false;
  const at = clock();
  // What has expired is dead, and need not be told of.
  if (token.expiresAt > at) {
    const { expiresAt } = token;
    const event = { type: "api_token_revoked", userId, tokenId, expiresAt, reason, at, origin } as const;
    await store.apiTokens.revokeApiToken({ id: tokenId, at }, event);
  }
  return true;
}

/** Ends all live ones of a user; answers how many. */
export async function endUserApiTokens(
  { store, clock }: { readonly store: Pick<Store, "apiTokens">; readonly clock: Clock },
  { userId, reason, origin }: Ending,
): Promise<number> {
  const at = clock();
  return store.apiTokens.revokeUserApiTokens(
    { userId, at },
    { type: "user_api_tokens_revoked", userId, reason, at, origin },
  );
}
