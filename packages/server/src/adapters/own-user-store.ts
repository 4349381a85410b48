import { z } from "zod";

import type { AuthEvent } from "../domain/event.ts";
import type { User } from "../domain/user.ts";
import type { Account, AccountStore } from "../ports/account-store.ts";
import type { OwnUser, OwnUsers } from "../ports/own-users.ts";
import type { Store } from "../ports/store.ts";

const line = z.string().regex(/^\P{Cc}*$/u, "has control characters");

const ownUser = z.object({
  id: line.min(1).max(255),
  email: line.min(1).max(254),
  name: line.max(200).nullable().default(null),
  emailVerified: z.boolean().default(false),
  roles: z.array(z.string().min(1).max(255)).max(200).default([]),
  createdAt: z.int(),
  disabled: z.boolean().default(false),
});

/** No password of theirs is kept here, and so none changes. */
const NO_PASSWORD = "";

/**
 * A store whose users are the operator's own. All else is kept as before: sessions, their events, keys, and, for users whose
 * rights have changed, a row with the number of their claims epoch and nothing else.
 *
 * @param users rejects rather than takes long
 */
export function withOwnUsers(store: Store, users: Pick<OwnUsers, "findUser">): Store {
  const findUser = async (id: string, epoch: () => Promise<number>): Promise<User | undefined> => {
    // The epoch first: rights that are read after it are at least as new as it says.
    const claimsEpoch = await epoch();
    const found = await users.findUser(id);
    if (found === null || found === undefined) return undefined;
    const user = parseOwnUser(found, claimsEpoch);
    if (user.id !== id) throw new TypeError("users.findUser answered with another user than it was asked for.");
    return user;
  };
  const findByAccount = (id: string): Promise<User | undefined> =>
    findUser(id, async () => (await store.accounts.findUser(id))?.claimsEpoch ?? 0);
  const findAccount = async (userId: string): Promise<Account | undefined> => {
    const user = await findByAccount(userId);
    return user && { user, passwordHash: NO_PASSWORD };
  };

  const beginClaimsEpoch = async (userId: string, event: AuthEvent): Promise<boolean> => {
    if (await store.accounts.beginClaimsEpoch(userId, event)) return true;
    const first = { ...event, claimsEpoch: 1 };
    if (await store.accounts.createAccount(epochRow(userId), first)) return true;
    return store.accounts.beginClaimsEpoch(userId, event);
  };

  return {
    ...store,

    apiTokens: {
      ...store.apiTokens,

      // Counted under the lock of the user's row, which there may not be yet.
      async createApiToken(creation, event) {
        const verdict = await store.apiTokens.createApiToken(creation, event);
        if (verdict !== "refused") return verdict;
        const { userId } = creation.token;
        await beginClaimsEpoch(userId, { type: "claims_changed", userId, at: event.at, origin: event.origin });
        return store.apiTokens.createApiToken(creation, event);
      },
    },

    accounts: {
      findUser: findByAccount,
      findAccount,
      findAccountByEmail: async () => undefined,
      beginClaimsEpoch,

      createAccount: refuse,
      importAccounts: refuse,
      listUsers: refuse,
      upgradePasswordHash: refuse,
      setDisabled: refuse,
      claimPasswordCheck: refuse,
      clearPasswordChecks: refuse,
      changePassword: refuse,
      verifyEmail: refuse,
      changeEmail: refuse,
      setRoles: refuse,
      deleteAccount: refuse,
    } satisfies AccountStore,

    async findSessionWithUser(sessionId) {
      const found = await store.findSessionWithUser(sessionId);
      if (found === undefined) return undefined;
      const { session, user: row } = found;
      return { session, user: await findUser(session.userId, async () => row?.claimsEpoch ?? 0) };
    },
  };
}

/** @throws TypeError for what is no user; it names the field, never its value */
function parseOwnUser(found: OwnUser, claimsEpoch: number): User {
  const parsed = ownUser.safeParse(found);
  if (!parsed.success) {
    const fields = parsed.error.issues.map(({ path }) => path.join(".") || "the user");
    throw new TypeError(`A user of yours is not as Latchkey needs one: ${[...new Set(fields)].join(", ")}.`);
  }
  const { disabled, ...user } = parsed.data;
  return { ...user, claimsEpoch, disabledAt: disabled ? user.createdAt : null };
}

/** Nobody signs in by it: it has no password, and an address that none can have. */
function epochRow(id: string): Account {
  const user = { id, email: `own user\n${id}`, name: null, emailVerified: false, roles: [], createdAt: 0 };
  return { user: { ...user, claimsEpoch: 1, disabledAt: null }, passwordHash: NO_PASSWORD };
}

async function refuse(): Promise<never> {
  throw new Error("The users are kept by their operator: Latchkey does not change them.");
}
