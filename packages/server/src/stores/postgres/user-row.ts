import type { User } from "../../domain/user.ts";
import type { Row } from "./database.ts";
import { fromNullableText, fromText } from "./text.ts";

/** In the order that {@link userOf} reads them in. */
export const USER_COLUMNS = `account.id, account.email, account.name, account.email_verified, account.roles,
  account.created_at, account.disabled_at, account.claims_epoch`;

/** @param first where {@link USER_COLUMNS} begin in the row */
export function userOf(row: Row, first: number): User {
  return {
    id: fromText(String(row[first])),
    email: fromText(String(row[first + 1])),
    name: fromNullableText(row[first + 2]),
    emailVerified: row[first + 3] === true,
    roles: JSON.parse(String(row[first + 4])) as readonly string[],
    createdAt: Number(row[first + 5]),
    disabledAt: row[first + 6] === null ? null : Number(row[first + 6]),
    claimsEpoch: Number(row[first + 7]),
  };
}
