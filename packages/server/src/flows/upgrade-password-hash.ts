import { normalizePassword } from "../domain/password-policy.ts";
import { AuthError } from "../errors.ts";
import type { Account } from "../ports/account-store.ts";
import type { FlowContext } from "./context.ts";

/**
 * Hashes a password that was right anew, where its hash is of another kind or other costs than are made now; answers the
 * account with the hash it has then. Of any number at once one takes place. Where too much waits to be hashed it is left for
 * another time.
 */
export async function upgradePasswordHash(
  { hasher, store }: FlowContext,
  account: Account,
  password: string,
): Promise<Account> {
  if (hasher.needsRehash?.(account.passwordHash) !== true) return account;
  const newHash = await hasher.hash(normalizePassword(password)).catch((error: unknown) => {
    if (error instanceof AuthError && error.code === "unavailable") return undefined;
    throw error;
  });
  if (newHash === undefined) return account;
  const expectedHash = account.passwordHash;
  const upgraded = await store.accounts.upgradePasswordHash({ userId: account.user.id, expectedHash, newHash });
  return upgraded ? { ...account, passwordHash: newHash } : account;
}
