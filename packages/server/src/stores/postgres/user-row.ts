import type { User } from "../../domain/user.ts";
import type { Row } from "./database.ts";
import { fromNullableText, fromText } from "./text.ts";

/** Under names of their own, so that they can stand beside a session's. */
export const USER_COLUMNS = `account.id AS account_id, account.email, account.email_verified, account.name, account.roles,
  account.created_at AS account_created_at, account.disabled_at, account.claims_epoch`;

/** @param row has {@link USER_COLUMNS} */
export function userOf(row: Row): User {
  return {
    id: fromText(String(row["account_id"])),
    email: fromText(String(row["email"])),
    name: fromNullableText(row["name"]),
    emailVerified: row["email_verified"] === true,
    roles: JSON.parse(String(row["roles"])) as readonly string[],
    claimsEpoch: Number(row["claims_epoch"]),
    createdAt: Number(row["account_created_at"]),
    disabledAt: row["disabled_at"] === null ? null : Number(row["disabled_at"]),
  };
}
