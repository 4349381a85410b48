import type { Account, AccountStore } from "../../ports/account-store.ts";
import type { SqliteConnections } from "./connection.ts";
import { transaction } from "./connection.ts";
import { prepareAppendEvent } from "./events.ts";
import type { Row } from "./select.ts";
import { prepareSelect } from "./select.ts";
import { USER_COLUMNS, userOf } from "./user-row.ts";
import { prepareEndUserApiTokens } from "./user-api-tokens.ts";
import { prepareRevokeUserSessions } from "./user-sessions.ts";

export function createAccountStore({ durable, relaxed }: SqliteConnections): AccountStore {
  const append = prepareAppendEvent(durable);

  const insert = durable.prepare(`
    INSERT INTO user (id, email, email_verified, name, roles, claims_epoch, password_hash, created_at, disabled_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (email) DO NOTHING`);
  const insertUnlessKnown = durable.prepare(`
    INSERT INTO user (id, email, email_verified, name, roles, claims_epoch, password_hash, created_at, disabled_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`);
  const selectPage = prepareSelect(relaxed, `SELECT ${USER_COLUMNS} FROM user WHERE email > ? ORDER BY email LIMIT ?`);
  const upgradeHash = durable.prepare("UPDATE user SET password_hash = ? WHERE id = ? AND password_hash = ?");
  const updateDisabled = durable.prepare(
    "UPDATE user SET disabled_at = ?1 WHERE id = ?2 AND (disabled_at IS NULL) <> (?1 IS NULL)",
  );
  const selectById = prepareSelect(relaxed, `SELECT password_hash, ${USER_COLUMNS} FROM user WHERE id = ?`);
  const selectByEmail = prepareSelect(relaxed, `SELECT password_hash, ${USER_COLUMNS} FROM user WHERE email = ?`);
  const updatePassword = durable.prepare(
    "UPDATE user SET password_hash = ?, password_checks = 0 WHERE id = ? AND password_hash = ?",
  );
  const claimCheck = relaxed.prepare(
    "UPDATE user SET password_checks = password_checks + 1 WHERE id = ? AND password_checks < ?",
  );
  const clearRelaxed = relaxed.prepare("UPDATE user SET password_checks = 0 WHERE id = ?");
  const clearDurably = durable.prepare("UPDATE user SET password_checks = 0 WHERE id = ?");
  const updateVerified = durable.prepare(
    "UPDATE user SET email_verified = 1 WHERE id = ? AND email = ? AND email_verified = 0",
  );
  const updateEmail = durable.prepare(
    "UPDATE OR IGNORE user SET email = ?, email_verified = 1 WHERE id = ? AND email = ? AND password_hash = ?",
  );
  const updateRoles = durable.prepare(
    "UPDATE user SET roles = ?, claims_epoch = claims_epoch + 1 WHERE id = ? RETURNING claims_epoch",
  );
  const bumpEpoch = durable.prepare(
    "UPDATE user SET claims_epoch = claims_epoch + 1 WHERE id = ? RETURNING claims_epoch",
  );
  const remove = durable.prepare("DELETE FROM user WHERE id = ? AND password_hash = ?");
  const revokeSessions = prepareRevokeUserSessions(durable);
  const endApiTokens = prepareEndUserApiTokens(durable);

  return {
    async createAccount({ user, passwordHash }, event, otherwise) {
      return transaction(durable, () => {
        const { changes } = insert.run(...valuesOf({ user, passwordHash }));
        const appended = changes === 1 ? event : otherwise;
        if (appended !== undefined) append(appended);
        return changes === 1;
      });
    },

    async importAccounts(imports) {
      return transaction(durable, () =>
        imports.map(({ event, ...account }) => {
          const created = insertUnlessKnown.run(...valuesOf(account)).changes === 1;
          if (created) append(event);
          return created;
        }),
      );
    },

    async listUsers(afterEmail, limit) {
      return selectPage.all(afterEmail, limit).map(userOf);
    },

    async findUser(id) {
      return accountOf(selectById.get(id))?.user;
    },

    async findAccount(userId) {
      return accountOf(selectById.get(userId));
    },

    async findAccountByEmail(email) {
      return accountOf(selectByEmail.get(email));
    },

    async claimPasswordCheck(userId, limit) {
      return claimCheck.run(userId, limit).changes === 1;
    },

    async clearPasswordChecks(userId, event) {
      if (event === undefined) return void clearRelaxed.run(userId);
      transaction(durable, () => {
        if (clearDurably.run(userId).changes === 1) append(event);
      });
    },

    async changePassword({ userId, expectedHash, newHash, keepSessionId, at }, event) {
      return transaction(durable, () => {
        const changed = updatePassword.run(newHash, userId, expectedHash).changes === 1;
        if (changed) {
          const order = { userId, exceptSessionId: keepSessionId, at, reason: "password_changed" } as const;
          append({ ...event, endedSessionIds: revokeSessions(order), endedApiTokens: endApiTokens(order) });
        }
        return changed;
      });
    },

    async upgradePasswordHash({ userId, expectedHash, newHash }) {
      return upgradeHash.run(newHash, userId, expectedHash).changes === 1;
    },

    async setDisabled({ userId, disabledAt }, event) {
      return transaction(durable, () => {
        const changed = updateDisabled.run(disabledAt, userId).changes === 1;
        if (changed) {
          const endedApiTokens = disabledAt === null ? [] : endApiTokens({ userId, at: disabledAt });
          append({ ...event, endedApiTokens });
        }
        return changed;
      });
    },

    async verifyEmail({ userId, email }, event) {
      return transaction(durable, () => {
        const verified = updateVerified.run(userId, email).changes === 1;
        if (verified) append(event);
        return verified;
      });
    },

    async changeEmail({ userId, expectedEmail, expectedHash, newEmail }, event) {
      return transaction(durable, () => {
        const changed = updateEmail.run(newEmail, userId, expectedEmail, expectedHash).changes === 1;
        if (changed) append(event);
        return changed;
      });
    },

    async setRoles({ userId, roles }, event) {
      return transaction(durable, () => {
        const changed = updateRoles.get(JSON.stringify(roles), userId);
        if (changed !== undefined) append({ ...event, claimsEpoch: Number(changed["claims_epoch"]) });
        return changed !== undefined;
      });
    },

    async beginClaimsEpoch(userId, event) {
      return transaction(durable, () => {
        const changed = bumpEpoch.get(userId);
        if (changed !== undefined) append({ ...event, claimsEpoch: Number(changed["claims_epoch"]) });
        return changed !== undefined;
      });
    },

    async deleteAccount({ userId, expectedHash }, event) {
      return transaction(durable, () => {
        const deleted = remove.run(userId, expectedHash).changes === 1;
        if (deleted) {
          const order = { userId, exceptSessionId: null, at: event.at, reason: "account_deleted" } as const;
          append({ ...event, endedSessionIds: revokeSessions(order), endedApiTokens: endApiTokens(order) });
        }
        return deleted;
      });
    },
  };
}

/** In the order of the columns of an INSERT. */
function valuesOf({ user, passwordHash }: Account) {
  return [
    user.id,
    user.email,
    Number(user.emailVerified),
    user.name,
    JSON.stringify(user.roles),
    user.claimsEpoch,
    passwordHash,
    user.createdAt,
    user.disabledAt,
  ];
}

function accountOf(row: Row | undefined): Account | undefined {
  if (row === undefined) return undefined;
  const [passwordHash, ...user] = row;
  return { user: userOf(user), passwordHash: String(passwordHash) };
}
