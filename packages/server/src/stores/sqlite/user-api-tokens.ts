import type { DatabaseSync } from "node:sqlite";

import type { EndedApiToken } from "../../domain/api-token.ts";

/** Ends a user's live API tokens within whatever transaction the caller has begun on this connection; answers which. */
export type EndUserApiTokens = (ending: { readonly userId: string; readonly at: number }) => readonly EndedApiToken[];

export function prepareEndUserApiTokens(database: DatabaseSync): EndUserApiTokens {
  const update = database.prepare(`
    UPDATE api_token SET revoked_at = ?, name = ''
     WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ?
    RETURNING id, expires_at`);
  return ({ userId, at }) =>
    update.all(at, userId, at).map((row) => ({ id: String(row["id"]), expiresAt: Number(row["expires_at"]) }));
}
