import type { DatabaseSync } from "node:sqlite";

import type { SessionWithUser } from "../../ports/store.ts";
import { prepareSelect } from "./select.ts";
import { SESSION_COLUMN_COUNT, SESSION_COLUMNS } from "../session-columns.ts";
import { sessionOf } from "./session-row.ts";
import { USER_COLUMNS, userOf } from "./user-row.ts";

export function prepareFindSessionWithUser(database: DatabaseSync): (sessionId: string) => SessionWithUser | undefined {
  const select = prepareSelect(
    database,
    `SELECT ${SESSION_COLUMNS}, ${USER_COLUMNS}
       FROM session LEFT JOIN user ON user.id = session.user_id
      WHERE session.id = ?`,
  );
  return (sessionId) => {
    const row = select.get(sessionId);
    if (row === undefined) return undefined;
    const user = row.slice(SESSION_COLUMN_COUNT);
    return { session: sessionOf(row), user: user[0] === null ? undefined : userOf(user) };
  };
}
