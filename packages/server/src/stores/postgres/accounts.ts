import type { AuthEvent } from "../../domain/event.ts";
import type { RevocationReason } from "../../domain/session.ts";
import type { Account, AccountStore } from "../../ports/account-store.ts";
import { endedApiTokens } from "./api-tokens.ts";
import type { Database, Parameter, Row, Statement } from "./database.ts";
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
    INSERT INTO latchkey.event ${EVENT_COLUMNS}
    SELECT ${eventParameters(9)} FROM created
    UNION ALL
    SELECT ${eventParameters(14)} WHERE $15::bigint IS NOT NULL AND NOT EXISTS (SELECT FROM created)
    RETURNING (SELECT count(*) FROM created) AS created`,
};

// Sorted, so that two imports at once take the index entries in one order and never wait for each other in a circle.
const IMPORT = {
  name: "latchkey-import-accounts",
  text: `
    WITH wanted AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                           $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[])
        AS imported (id, email, email_verified, name, roles, password_hash, created_at, disabled_at, claims_epoch, at, type, detail)
    ),
    created AS (
      INSERT INTO latchkey.account (id, email, email_verified, name, roles, password_hash, created_at, disabled_at, claims_epoch)
      SELECT id, email, email_verified, name, roles, password_hash, created_at, disabled_at, claims_epoch
        FROM wanted ORDER BY email
      ON CONFLICT DO NOTHING
      RETURNING id
    ),
    recorded AS (
      INSERT INTO latchkey.event ${EVENT_COLUMNS}
      SELECT at, type, wanted.id, NULL, detail FROM wanted JOIN created ON created.id = wanted.id
    )
    SELECT id FROM created`,
};

const LIST_USERS = {
  name: "latchkey-list-users",
  rowMode: "array",
  text: `SELECT ${USER_COLUMNS} FROM latchkey.account WHERE email > $1 ORDER BY email LIMIT $2`,
} as const;

const UPGRADE_HASH = {
  name: "latchkey-upgrade-password-hash",
  text: "UPDATE latchkey.account SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
};

const SET_DISABLED = {
  name: "latchkey-set-disabled",
  text: `
    WITH changed AS (
      UPDATE latchkey.account SET disabled_at = $2::bigint
       WHERE id = $1 AND (disabled_at IS NULL) <> ($2::bigint IS NULL) RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS}
    SELECT ${eventParameters(2, endedApiTokens("changed.id", "$2::bigint"))} FROM changed`,
};

const SELECT_BY_ID = {
  name: "latchkey-find-account",
  rowMode: "array",
  text: `SELECT password_hash, ${USER_COLUMNS} FROM latchkey.account WHERE id = $1`,
} as const;

const SELECT_BY_EMAIL = {
  name: "latchkey-find-account-by-email",
  rowMode: "array",
  text: `SELECT password_hash, ${USER_COLUMNS} FROM latchkey.account WHERE email = $1`,
} as const;

// First the account, then its sessions, by a statement that begins when the row is had: together they would look for sessions
// as they were before a wait for it. Who begins a session holds that row until it is there, and so is seen here, or waits
// for this change, and then sees it.
const CHANGE_PASSWORD = {
  name: "latchkey-change-password",
  text: `
    UPDATE latchkey.account SET password_hash = $3, password_checks = 0 WHERE id = $1 AND password_hash = $2`,
};

const DELETE = {
  name: "latchkey-delete-account",
  text: "DELETE FROM latchkey.account WHERE id = $1 AND password_hash = $2",
};

const END_SESSIONS = {
  name: "latchkey-end-sessions-of-account",
  text: `
    WITH ${endUserSessions("SELECT $1::text AS user_id, $2::text AS kept_id, $3::bigint AS at, $4::text AS reason")}
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(4, `${ENDED_SESSION_IDS}, ${endedApiTokens("$1::text", "$3::bigint")}`)}`,
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

const UNLOCK = {
  name: "latchkey-unlock-password",
  text: `
    WITH unlocked AS (UPDATE latchkey.account SET password_checks = 0 WHERE id = $1 RETURNING id)
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(1)} FROM unlocked`,
};

const VERIFY_EMAIL = {
  name: "latchkey-verify-email",
  text: `
    WITH verified AS (
      UPDATE latchkey.account SET email_verified = true WHERE id = $1 AND email = $2 AND NOT email_verified RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(2)} FROM verified`,
};

const CHANGE_EMAIL = {
  name: "latchkey-change-email",
  text: `
    WITH changed AS (
      UPDATE latchkey.account SET email = $4, email_verified = true
       WHERE id = $1 AND email = $2 AND password_hash = $3 RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(4)} FROM changed`,
};

const UNIQUE_VIOLATION = "23505";

const SET_ROLES = {
  name: "latchkey-set-roles",
  text: `
    WITH changed AS (
      UPDATE latchkey.account SET roles = $2, claims_epoch = claims_epoch + 1 WHERE id = $1 RETURNING claims_epoch
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS}
    SELECT ${eventParameters(2, "'claimsEpoch', changed.claims_epoch")} FROM changed`,
};

const BEGIN_CLAIMS_EPOCH = {
  name: "latchkey-begin-claims-epoch",
  text: `
    WITH changed AS (
      UPDATE latchkey.account SET claims_epoch = claims_epoch + 1 WHERE id = $1 RETURNING claims_epoch
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS}
    SELECT ${eventParameters(1, "'claimsEpoch', changed.claims_epoch")} FROM changed`,
};

export function createAccountStore(database: Database): AccountStore {
  const findAccount = async (userId: string): Promise<Account | undefined> => {
    const { rows } = await database.run(SELECT_BY_ID, [toText(userId)]);
    return rows[0] === undefined ? undefined : accountOf(rows[0]);
  };

  const changeAndEndSessions = (
    change: readonly [Statement, ...Parameter[]],
    { userId, keptId, at, reason }: { userId: string; keptId: string | null; at: number; reason: RevocationReason },
    event: AuthEvent,
  ): Promise<boolean> =>
    database.inOrder(async (run) => {
      const [statement, ...values] = change;
      const changed = (await run(statement, [toText(userId), ...values])).rowCount === 1;
      const ending = [toText(userId), toNullableText(keptId), at, reason];
      if (changed) await run(END_SESSIONS, [...ending, ...eventValues(event)]);
      return changed;
    });

  return {
    async createAccount({ user, passwordHash }, event, otherwise) {
      const { rows } = await database.run(INSERT, [
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
        ...(otherwise === undefined ? [null, null, null, null, null] : eventValues(otherwise)),
      ]);
      return Number(rows[0]?.["created"] ?? 0) === 1;
    },

    async importAccounts(imports) {
      const users = imports.map(({ user }) => user);
      const { rows } = await database.run(IMPORT, [
        users.map((user) => toText(user.id)),
        users.map((user) => toText(user.email)),
        users.map((user) => user.emailVerified),
        users.map((user) => toNullableText(user.name)),
        users.map((user) => JSON.stringify(user.roles)),
        imports.map(({ passwordHash }) => toText(passwordHash)),
        users.map((user) => user.createdAt),
        users.map((user) => user.disabledAt),
        users.map((user) => user.claimsEpoch),
        imports.map(({ event }) => event.at),
        imports.map(({ event }) => event.type),
        imports.map(({ event }) => JSON.stringify(event)),
      ]);
      const created = new Set(rows.map((row) => fromText(String(row["id"]))));
      return users.map((user) => created.has(user.id));
    },

    async listUsers(afterEmail, limit) {
      return (await database.run(LIST_USERS, [toText(afterEmail), limit])).rows.map((row) => userOf(row, 0));
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

    async clearPasswordChecks(userId, event) {
      if (event === undefined) await database.run(CLEAR_CHECKS, [toText(userId)]);
      else await database.run(UNLOCK, [toText(userId), ...eventValues(event)]);
    },

    changePassword({ userId, expectedHash, newHash, keepSessionId: keptId, at }, event) {
      const change = [CHANGE_PASSWORD, toText(expectedHash), toText(newHash)] as const;
      return changeAndEndSessions(change, { userId, keptId, at, reason: "password_changed" }, event);
    },

    async upgradePasswordHash({ userId, expectedHash, newHash }) {
      const values = [toText(userId), toText(expectedHash), toText(newHash)];
      return (await database.run(UPGRADE_HASH, values)).rowCount === 1;
    },

    async setDisabled({ userId, disabledAt }, event) {
      const values = [toText(userId), disabledAt, ...eventValues(event)];
      return (await database.run(SET_DISABLED, values)).rowCount === 1;
    },

    async verifyEmail({ userId, email }, event) {
      const values = [toText(userId), toText(email), ...eventValues(event)];
      return (await database.run(VERIFY_EMAIL, values)).rowCount === 1;
    },

    async changeEmail({ userId, expectedEmail, expectedHash, newEmail }, event) {
      const values = [toText(userId), toText(expectedEmail), toText(expectedHash), toText(newEmail)];
      try {
        return (await database.run(CHANGE_EMAIL, [...values, ...eventValues(event)])).rowCount === 1;
      } catch (error) {
        // Whoever has the address had it first: the statement has changed nothing.
        if (error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION) return false;
        throw error;
      }
    },

    async setRoles({ userId, roles }, event) {
      const values = [toText(userId), JSON.stringify(roles), ...eventValues(event)];
      const { rowCount } = await database.run(SET_ROLES, values);
      return rowCount === 1;
    },

    async beginClaimsEpoch(userId, event) {
      const { rowCount } = await database.run(BEGIN_CLAIMS_EPOCH, [toText(userId), ...eventValues(event)]);
      return rowCount === 1;
    },

    deleteAccount({ userId, expectedHash }, event) {
      const ending = { userId, keptId: null, at: event.at, reason: "account_deleted" } as const;
      return changeAndEndSessions([DELETE, toText(expectedHash)], ending, event);
    },
  };
}

function accountOf(row: Row): Account {
  return { passwordHash: fromText(String(row[0])), user: userOf(row, 1) };
}
