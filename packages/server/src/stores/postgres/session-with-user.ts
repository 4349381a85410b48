import type { SessionWithUser } from "../../ports/store.ts";
import type { Database } from "./database.ts";
import { sessionOf } from "./session-row.ts";
import { toText } from "./text.ts";
import { USER_COLUMNS, userOf } from "./user-row.ts";

const SELECT = {
  name: "latchkey-find-session-with-user",
  text: `
    SELECT session.*, ${USER_COLUMNS}
      FROM latchkey.session LEFT JOIN latchkey.account ON account.id = session.user_id
     WHERE session.id = $1`,
};

export async function findSessionWithUser(database: Database, sessionId: string): Promise<SessionWithUser | undefined> {
  const { rows } = await database.run(SELECT, [toText(sessionId)]);
  const [row] = rows;
  if (row === undefined) return undefined;
  return { session: sessionOf(row), user: row["account_id"] === null ? undefined : userOf(row) };
}
