import type { Account, AccountStore } from "../../ports/account-store.ts";
import type { Database, Row } from "./database.ts";
import { EVENT_COLUMNS, eventParameters, eventValues } from "./events.ts";
import { fromText, toNullableText, toText } from "./text.ts";
import { USER_COLUMNS, userOf } from "./user-row.ts";
import { ENDED_SESSION_IDS, endUserSessions } from "./user-sessions.ts";

const INSERT = {
  name: "latchkey-create-account",
  text: `
    WITH created AS (
      INSERT INTO latchkey.account (id, email, email_verified, name, roles, password_hash, created_at, disabled_at, claims_epoch)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      ON CONFLICT (email) DO NOTHING
      RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(9)} FROM created`,
};

const SELECT_BY_ID = {
  name: "latchkey-find-account",
  text: `SELECT password_hash, ${USER_COLUMNS} FROM latchkey.account WHERE id = $1`,
};

const SELECT_BY_EMAIL = {
  name: "latchkey-find-account-by-email",
  text: `SELECT password_hash, ${USER_COLUMNS} FROM latchkey.account WHERE email = $1`,
};

// The sessions are looked for once the new password is there: what `changed` answers is what they hang on.
const CHANGE_PASSWORD = {
  name: "latchkey-change-password",
  text: `
    WITH changed AS (
      
      UPDATE latchkey.account SET password_hash = $3, password_checks = 0
       WHERE id = $1 AND password_hash = $2 RETURNING id
    ),
    ${endUserSessions("SELECT id AS user_id, $4::text AS kept_id, $5::bigint AS at, 'password_changed' AS reason FROM changed")}
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(5, ENDED_SESSION_IDS)} FROM changed`,
};

// Neither waits for the disk: see ROTATE of the sessions. A crash forgets a few guesses.
const CLAIM_CHECK = {
  name: "latchkey-claim-password-check",
  text: `
    UPDATE latchkey.account SET password_checks = password_checks + 1
     WHERE id = $1 AND password_checks < $2 AND set_config('synchronous_commit', 'off', true) = 'off'`,
};

const CLEAR_CHECKS = {
  name: "latchkey-clear-password-checks",
  text: `
    UPDATE latchkey.account SET password_checks = 0
     WHERE id = $1 AND set_config('synchronous_commit', 'off', true) = 'off'`,
};

const VERIFY_EMAIL = {
  name: "latchkey-verify-email",
  text: `
    WITH verified AS (
      UPDATE latchkey.account SET email_verified = true WHERE id = $1 AND email = $2 AND NOT email_verified RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(2)} FROM verified`,
};

const SET_ROLES = {
  name: "latchkey-set-roles",
  text: `
    WITH changed AS (
      UPDATE latchkey.account SET roles = $2, claims_epoch = claims_epoch + 1 WHERE id = $1 RETURNING claims_epoch
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS}
    SELECT ${eventParameters(2, "'claimsEpoch', changed.claims_epoch")} FROM changed`,
};

const DELETE = {
  name: "latchkey-delete-account",
  text: `
    WITH deleted AS (DELETE FROM latchkey.account WHERE id = $1 AND password_hash = $3 RETURNING id),
    ${endUserSessions("SELECT id AS user_id, NULL::text AS kept_id, $2::bigint AS at, 'account_deleted' AS reason FROM deleted")}
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(3, ENDED_SESSION_IDS)} FROM deleted`,
};

export function createAccountStore(database: Database): AccountStore {
  const findAccount = async (userId: string): Promise<Account | undefined> => {
    const { rows } = await database.run(SELECT_BY_ID, [toText(userId)]);
    return rows[0] === undefined ? undefined : accountOf(rows[0]);
  };

  return {
    async createAccount({ user, passwordHash }, event) {
      const { rowCount } = await database.run(INSERT, [
        toText(user.id),
        toText(user.email),
        user.emailVerified,
        toNullableText(user.name),
        JSON.stringify(user.roles),
        toText(passwordHash),
        user.createdAt,
        user.disabledAt,
        user.claimsEpoch,
        ...eventValues(event),
      ]);
      return rowCount === 1;
    },

    async findUser(id) {
      return (await findAccount(id))?.user;
    },

    findAccount,

    async findAccountByEmail(email) {
      const { rows } = await database.run(SELECT_BY_EMAIL, [toText(email)]);
      return rows[0] === undefined ? undefined : accountOf(rows[0]);
    },

    async claimPasswordCheck(userId, limit) {
      return (await database.run(CLAIM_CHECK, [toText(userId), limit])).rowCount === 1;
    },

    async clearPasswordChecks(userId) {
      await database.run(CLEAR_CHECKS, [toText(userId)]);
    },

    async changePassword({ userId, expectedHash, newHash, keepSessionId, at }, event) {
      const values = [toText(userId), toText(expectedHash), toText(newHash), toNullableText(keepSessionId), at];
      const { rowCount } = await database.run(CHANGE_PASSWORD, [...values, ...eventValues(event)]);
      return rowCount === 1;
    },

    async verifyEmail({ userId, email }, event) {
      const values = [toText(userId), toText(email), ...eventValues(event)];
      return (await database.run(VERIFY_EMAIL, values)).rowCount === 1;
    },

    async setRoles({ userId, roles }, event) {
      const values = [toText(userId), JSON.stringify(roles), ...eventValues(event)];
      const { rowCount } = await database.run(SET_ROLES, values);
      return rowCount === 1;
    },

    async deleteAccount({ userId, expectedHash }, event) {
      const parameters = [toText(userId), event.at, toText(expectedHash), ...eventValues(event)];
      const { rowCount } = await database.run(DELETE, parameters);
      return rowCount === 1;
    },
  };
}

function accountOf(row: Row): Account {
  return { user: userOf(row), passwordHash: fromText(String(row["password_hash"])) };
}
