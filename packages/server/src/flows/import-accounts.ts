import { randomUUID } from "node:crypto";

import { OPERATOR } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import type { AccountImport } from "../ports/account-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";

/** An account as it comes from elsewhere. */
export interface ForeignAccount {
  /** Kept, so that what refers to the user still does. Default: a new one. */
  readonly id?: string | undefined;
  readonly email: string;
  /** One that `isPasswordHash` takes. */
  readonly passwordHash: string;
  readonly name: string | null;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  /** Seconds since 1970. Default: now. */
  readonly createdAt?: number | undefined;
  readonly disabled: boolean;
}

/**
 * Makes accounts that come from elsewhere, in one step, but for those whose id or e-mail address an account has already, also
 * one of the same call; answers which were made, in their order. Nothing is mailed.
 */
export async function importAccounts(
  { store, clock }: { readonly store: Pick<Store, "accounts">; readonly clock: Clock },
  accounts: readonly ForeignAccount[],
): Promise<readonly boolean[]> {
  const at = clock();
  const seen = new Set<string>();
  const imports: AccountImport[] = [];
  const places = accounts.map((account) => {
    const { email, id = randomUUID() } = account;
    const normalized = normalizeEmail(email);
    const names = [`email ${normalized}`, `id ${id}`];
    if (names.some((name) => seen.has(name))) return undefined;
    for (const name of names) seen.add(name);
    imports.push(importOf(account, { id, email: normalized, at }));
    return imports.length - 1;
  });
  const created = await store.accounts.importAccounts(imports);
  return places.map((place) => place !== undefined && created[place] === true);
}

function importOf(
  account: ForeignAccount,
  { id, email, at }: { readonly id: string; readonly email: string; readonly at: number },
): AccountImport {
  const { name, emailVerified, roles, createdAt = at, disabled, passwordHash } = account;
  return {
    user: { id, email, name, emailVerified, roles, createdAt, claimsEpoch: 0, disabledAt: disabled ? at : null },
    passwordHash,
    event: { type: "user_imported", userId: id, at, origin: OPERATOR },
  };
}
