import type { User } from "../../domain/user.ts";
import type { Row } from "./select.ts";

/** In the order that {@link userOf} reads them in. */
export const USER_COLUMNS =
  "user.id, user.email, user.name, user.email_verified, user.roles, user.created_at, user.disabled_at, user.claims_epoch";

export function userOf(row: Row): User {
  const [id, email, name, emailVerified, roles, createdAt, disabledAt, claimsEpoch] = row;
  return {
    id: String(id),
    email: String(email),
    name: typeof name === "string" ? name : null,
    emailVerified: emailVerified === 1,
    roles: JSON.parse(String(roles)) as readonly string[],
    claimsEpoch: Number(claimsEpoch),
    createdAt: Number(createdAt),
    disabledAt: disabledAt === null ? null : Number(disabledAt),
  };
}
