import { createHash, randomUUID } from "node:crypto";

import type { Account, AccountStore } from "../../ports/account-store.ts";
import type { ApiTokenStore } from "../../ports/api-token-store.ts";
import type { RecordedEvent } from "../../ports/event-log.ts";
import type { KeyStore } from "../../ports/key-store.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { Store } from "../../ports/store.ts";
import type { AnnouncedEnding } from "./announced-ending.ts";
import { SessionsInDoubtError } from "./announced-ending.ts";
import type { RedisSessionStore } from "./redis-session-store.ts";

/** Each round settles what it can, and only new changes of the same user's account ask for another. */
const MAX_ROUNDS = 64;

/**
 * Accounts and keys in one store, sessions and the log of events in Redis, as one store.
 *
 * Two verbs change both: a new password, and the deletion of an account, end sessions. No transaction spans the two
 * stores, and a process may die between any two steps. So that there is nothing in between all the same, the account's row
 * decides, and it alone:
 *
 * 1. The ending is announced in Redis, with fingerprints of the password hash that the change expects and the one it leaves.
 *    From now on no session of the user can be read, rotated, listed or created but by somebody who asks the account first.
 * 2. The account changes, if its hash is the expected one. This moment is the change's, in both stores.
 * 3. The ending is settled: the sessions' tombstones are written and the announcement is removed, in one step, once.
 *
 * Whoever meets an announcement looks at the account. Its hash is the one the change leaves: it took place, and step 3 is
 * done for the one that did not live to do it, before anything else. It is the expected one: the change has not taken place,
 * and may yet; sessions are as they were. It is another one: the change came too late, and never will take place, since
 * hashes are salted and do not come back. (Had it taken place first, then the one that came after it would have met this
 * announcement when it made its own, and settled it.) The account is gone: the sessions end. Where Redis or the accounts
 * cannot be asked the verb rejects, and nobody is let in.
 *
 * This goes by what the stores hold and by the order of their changes, never by clocks: neither can a session that was
 * begun with the old password slip through, nor does one end that was begun with the new one. An announcement left by a
 * change that never took place stays, at the cost of one look at the account for each use of a session of that user,
 * until the next change of that account: only then is it certain that the old change cannot come any more.
 *
 * Events of accounts are appended to their own store's log with the change, and moved from there to the log in Redis, each
 * once: after every change, and before every reading of the log. Before an event is moved that tells of an ending, that
 * is settled, and so recorded: a reader of the log learns of every session that ended, though nobody has met it since.
 */
export function combineStores(stores: { readonly accounts: Store; readonly sessions: RedisSessionStore }): Store {
  const { accounts, sessions } = stores;
  const { endings, relay, sessionsDespite } = sessions.joint;
  const verbs = (undecided: readonly string[]): SessionStore =>
    undecided.length === 0 ? sessions.sessions : sessionsDespite(undecided);
  const catchUp = (): Promise<void> => relay.catchUp(accounts.events, settleEndingsOf);

  const beyondDoubt = async <Result>(verb: (undecided: readonly string[]) => Promise<Result>): Promise<Result> => {
    let undecided: readonly string[] = [];
    for (let round = 0; round < MAX_ROUNDS; round++) {
      try {
        return await verb(undecided);
      } catch (error) {
        if (!(error instanceof SessionsInDoubtError)) throw error;
        undecided = await settleDecided(error.endings);
      }
    }
    throw new Error("A user's account changes faster than its sessions can be judged.");
  };

  /** Settles what took place or never will; answers the rest. */
  const settleDecided = async (announced: readonly AnnouncedEnding[]): Promise<readonly string[]> => {
    const undecided: string[] = [];
    const account = announced[0] === undefined ? undefined : await accounts.accounts.findAccount(announced[0].userId);
    for (const ending of announced) {
      const verdict = judge(ending, account);
      if (verdict === "undecided") undecided.push(ending.id);
      else if (verdict === "never") await endings.withdraw(ending);
      else await endings.settle(verdict === "account gone" ? { ...ending, keptSessionId: null } : ending);
    }
    return undecided;
  };

  /** Whoever reads that an account changed has read before which sessions that ended, though nobody may have met them. */
  const settleEndingsOf = async (events: readonly RecordedEvent[]): Promise<void> => {
    const userIds = events.filter(({ type }) => type === "password_changed" || type === "account_deleted");
    for (const userId of new Set(userIds.map((event) => event.userId ?? ""))) {
      await beyondDoubt((undecided) => verbs(undecided).listSessions(userId, 0));
    }
  };

  const changeWithEnding = async (ending: AnnouncedEnding, change: () => Promise<boolean>): Promise<boolean> => {
    await beyondDoubt((undecided) => endings.announce(ending, undecided));
    // Where this rejects, nobody knows whether the change took place: the announcement stays, and whoever meets it asks.
    const changed = await change();
    // What is left can be done by anybody at any time, and the answer is true whether or not it is done now.
    await Promise.allSettled(changed ? [endings.settle(ending), catchUp()] : [endings.withdraw(ending)]);
    return changed;
  };

  const thenCatchUp = async (change: Promise<boolean>): Promise<boolean> => {
    const changed = await change;
    // As above: the change has taken place, and its event waits in the accounts' own log.
    if (changed) await Promise.allSettled([catchUp()]);
    return changed;
  };

  const thenMoveEvents = async <Result>(change: Promise<Result>): Promise<Result> => {
    const result = await change;
    await Promise.allSettled([catchUp()]);
    return result;
  };

  return {
    // Written out, so that whoever adds a verb to the port has to say here whether it ends sessions.
    accounts: {
      findUser: (id) => accounts.accounts.findUser(id),
      findAccount: (userId) => accounts.accounts.findAccount(userId),
      findAccountByEmail: (email) => accounts.accounts.findAccountByEmail(email),
      listUsers: (afterEmail, limit) => accounts.accounts.listUsers(afterEmail, limit),
      claimPasswordCheck: (userId, limit) => accounts.accounts.claimPasswordCheck(userId, limit),
      async clearPasswordChecks(userId, event) {
        await accounts.accounts.clearPasswordChecks(userId, event);
        if (event !== undefined) await Promise.allSettled([catchUp()]);
      },
      async createAccount(account, event, otherwise) {
        const created = await accounts.accounts.createAccount(account, event, otherwise);
        if (created || otherwise !== undefined) await Promise.allSettled([catchUp()]);
        return created;
      },
      async importAccounts(imports) {
        const created = await accounts.accounts.importAccounts(imports);
        await Promise.allSettled([catchUp()]);
        return created;
      },
      setDisabled: (change, event) => thenCatchUp(accounts.accounts.setDisabled(change, event)),
      // The change that left the hash to be replaced may have ended sessions, and is known by that hash: whoever read the
      // hash settles that first. A change that is yet to take place expects it, and one of the two will come too late.
      async upgradePasswordHash(upgrade) {
        await beyondDoubt((undecided) => verbs(undecided).listSessions(upgrade.userId, 0));
        return accounts.accounts.upgradePasswordHash(upgrade);
      },
      verifyEmail: (address, event) => thenCatchUp(accounts.accounts.verifyEmail(address, event)),
      changeEmail: (change, event) => thenCatchUp(accounts.accounts.changeEmail(change, event)),
      setRoles: (change, event) => thenCatchUp(accounts.accounts.setRoles(change, event)),
      beginClaimsEpoch: (userId, event) => thenCatchUp(accounts.accounts.beginClaimsEpoch(userId, event)),

      changePassword: (change, event) =>
        changeWithEnding(
          {
            id: randomUUID(),
            userId: change.userId,
            keptSessionId: change.keepSessionId,
            reason: "password_changed",
            at: change.at,
            expected: fingerprint(change.expectedHash),
            becomes: fingerprint(change.newHash),
          },
          () => accounts.accounts.changePassword(change, event),
        ),

      deleteAccount: (deletion, event) =>
        changeWithEnding(
          {
            id: randomUUID(),
            userId: deletion.userId,
            keptSessionId: null,
            reason: "account_deleted",
            at: event.at,
            expected: fingerprint(deletion.expectedHash),
            becomes: null,
          },
          () => accounts.accounts.deleteAccount(deletion, event),
        ),
    } satisfies AccountStore,

    // As above: whatever is appended to the accounts' own log is moved on at once.
    apiTokens: {
      createApiToken: (creation, event) => thenMoveEvents(accounts.apiTokens.createApiToken(creation, event)),
      revokeApiToken: (revocation, event) => thenMoveEvents(accounts.apiTokens.revokeApiToken(revocation, event)),
      revokeUserApiTokens: (revocation, event) =>
        thenMoveEvents(accounts.apiTokens.revokeUserApiTokens(revocation, event)),
      findApiToken: (id) => accounts.apiTokens.findApiToken(id),
      listApiTokens: (userId, now) => accounts.apiTokens.listApiTokens(userId, now),
      listRevokedApiTokens: (page) => accounts.apiTokens.listRevokedApiTokens(page),
      noteApiTokenUses: (uses, audiences) => accounts.apiTokens.noteApiTokenUses(uses, audiences),
      purgeApiTokens: (now, limit) => accounts.apiTokens.purgeApiTokens(now, limit),
    } satisfies ApiTokenStore,

    sessions: {
      createSession: (session, event, maxSessions, lastToGoId) =>
        beyondDoubt((undecided) => verbs(undecided).createSession(session, event, maxSessions, lastToGoId)),
      findSession: (id) => beyondDoubt((undecided) => verbs(undecided).findSession(id)),
      rotateSession: (rotation, event) => beyondDoubt((undecided) => verbs(undecided).rotateSession(rotation, event)),
      redeemSession: (redemption, event) =>
        beyondDoubt((undecided) => verbs(undecided).redeemSession(redemption, event)),
      listSessions: (userId, now) => beyondDoubt((undecided) => verbs(undecided).listSessions(userId, now)),
      revokeSession: (revocation, event) => sessions.sessions.revokeSession(revocation, event),
      revokeUserSessions: (revocation, event) => sessions.sessions.revokeUserSessions(revocation, event),
      purgeSessions: (now, limit) => sessions.sessions.purgeSessions(now, limit),
    } satisfies SessionStore,

    keys: {
      listKeys: () => accounts.keys.listKeys(),
      async changeKeys(decide) {
        const keys = await accounts.keys.changeKeys(decide);
        await Promise.allSettled([catchUp()]);
        return keys;
      },
    } satisfies KeyStore,
    statusPlaces: accounts.statusPlaces,
    audit: accounts.audit,
    consumers: accounts.consumers,

    async findSessionWithUser(sessionId) {
      const session = await beyondDoubt((undecided) => verbs(undecided).findSession(sessionId));
      return session && { session, user: await accounts.accounts.findUser(session.userId) };
    },

    events: {
      appendEvent: (event) => sessions.events.appendEvent(event),
      async listEvents(after, limit) {
        await catchUp();
        return sessions.events.listEvents(after, limit);
      },
      async purgeEvents({ through, before, limit }) {
        // What has been moved to Redis is listed from there.
        const relayed = await relay.position();
        const removed = [
          await accounts.events.purgeEvents({ through: relayed, before, limit }),
          await sessions.events.purgeEvents({ through, before, limit }),
        ];
        return Math.max(...removed);
      },
      watch(listener) {
        const watched = [accounts.events.watch(listener), sessions.events.watch(listener)];
        return () => {
          for (const stop of watched) stop();
        };
      },
    },

    oneTime: sessions.oneTime,

    async checkHealth() {
      await Promise.all([accounts.checkHealth(), sessions.checkHealth()]);
    },

    async close() {
      await Promise.all([accounts.close(), sessions.close()]);
    },
  };
}

type EndingVerdict = "took place" | "account gone" | "undecided" | "never";

/** Did it take place? The account says, as it is now. */
function judge(ending: AnnouncedEnding, account: Account | undefined): EndingVerdict {
  if (account === undefined) return "account gone";
  const current = fingerprint(account.passwordHash);
  if (current === ending.expected) return "undecided";
  return current === ending.becomes ? "took place" : "never";
}

/** Tells password hashes apart and says nothing of them: they hold a random salt, and Redis is no place for them. */
function fingerprint(passwordHash: string): string {
  return createHash("sha256").update(passwordHash).digest("base64url");
}
