import type { ApiToken, EndedApiToken } from "../domain/api-token.ts";
import type { AuthEvent } from "../domain/event.ts";

/**
 * What is known of API tokens; the tokens themselves are kept nowhere. Every verb is one atomic, durable step; see the
 * session store for its events. A new password and the deletion of an account end all of a user's, in their own step. A
 * row is kept until its token has expired, revoked or not: it is what the revocation feed begins with.
 */
export interface ApiTokenStore {
  /** However many are made at once, on however many nodes, a user never has more live ones than the limit. */
  createApiToken(creation: ApiTokenCreation, event: AuthEvent): Promise<ApiTokenCreationVerdict>;

  /** Revoked and expired ones as well. */
  findApiToken(id: string): Promise<ApiToken | undefined>;

  /** A user's live ones, newest first. */
  listApiTokens(userId: string, now: number): Promise<readonly ApiToken[]>;

  /** Ends one, once: answers whether this call did it. Its name is forgotten, as of all that end. */
  revokeApiToken(revocation: { readonly id: string; readonly at: number }, event: AuthEvent): Promise<boolean>;

  /** Ends all live ones of a user; answers how many. The event is appended where there were any. */
  revokeUserApiTokens(revocation: { readonly userId: string; readonly at: number }, event: AuthEvent): Promise<number>;

  /** Revoked ones that would be live otherwise, by their ids, after one of them. */
  listRevokedApiTokens(page: {
    readonly now: number;
    readonly after: string;
    readonly limit: number;
  }): Promise<readonly EndedApiToken[]>;

  /**
   * Notes when tokens of these audiences were last used; earlier times than are known, and what is no such token, change
   * nothing. A crash may forget it.
   */
  noteApiTokenUses(uses: readonly ApiTokenUse[], audiences: readonly string[]): Promise<void>;

  /** Forgets those that had expired before `now`, at most `limit`; answers how many. */
  purgeApiTokens(now: number, limit: number): Promise<number>;
}

export interface ApiTokenCreation {
  readonly token: ApiToken;
  /** The user's password hash as it was when the user was known to be signed in: a new one ends what the old one gave. */
  readonly expectedHash: string;
  readonly maxPerUser: number;
}

/** `refused`: the account is gone or disabled, or has another password meanwhile. Only `created` changes anything. */
export type ApiTokenCreationVerdict = "created" | "too many" | "refused";

export interface ApiTokenUse {
  readonly id: string;
  /** Seconds since 1970. */
  readonly at: number;
}
