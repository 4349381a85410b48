import type { SessionWithUser } from "../../ports/store.ts";
import type { Database, Row } from "./database.ts";
import type { Group } from "./group.ts";
import { createGroup } from "./group.ts";
import { SESSION_COLUMN_COUNT, SESSION_COLUMNS } from "../session-columns.ts";
import { sessionOf } from "./session-row.ts";
import { toText } from "./text.ts";
import { USER_COLUMNS, userOf } from "./user-row.ts";

const SELECT_ONE = {
  name: "latchkey-find-session-with-user",
  rowMode: "array",
  text: `
    SELECT ${SESSION_COLUMNS}, ${USER_COLUMNS}
      FROM latchkey.session LEFT JOIN latchkey.account ON account.id = session.user_id
     WHERE session.id = $1`,
} as const;

// Each session and each account is looked up by itself (OFFSET 0 keeps the planner from joining whole tables, which is
// what it would plan while they are small, and stay with when they have grown). The array is given by a query of its own
// because the planner must not see how long it is: a plan for few seems cheaper to it than the one for any number, and it
// would plan every statement anew, which takes longer than to run it.
const SELECT_SOME = {
  name: "latchkey-find-sessions-with-users",
  rowMode: "array",
  text: `
    SELECT ${SESSION_COLUMNS}, ${USER_COLUMNS}
      FROM unnest((SELECT $1::text[])) AS asked (id)
     CROSS JOIN LATERAL (SELECT * FROM latchkey.session WHERE session.id = asked.id OFFSET 0) AS session
      LEFT JOIN LATERAL (SELECT * FROM latchkey.account WHERE account.id = session.user_id OFFSET 0) AS account ON true`,
} as const;

/** Sessions with their users, those that are asked for together by one statement. */
export function groupFindSessionWithUser(database: Database): Group<string, SessionWithUser | undefined> {
  return createGroup(async (sessionIds) => {
    const ids = sessionIds.map(toText);
    const [first] = ids;
    if (first !== undefined && ids.length === 1) {
      const { rows } = await database.run(SELECT_ONE, [first]);
      return [rows[0] && sessionWithUserOf(rows[0])];
    }
    const { rows } = await database.run(SELECT_SOME, [ids]);
    const found = new Map(rows.map((row) => [row[0], row]));
    return ids.map((id) => {
      const row = found.get(id);
      return row && sessionWithUserOf(row);
    });
  });
}

function sessionWithUserOf(row: Row): SessionWithUser {
  const user = SESSION_COLUMN_COUNT;
  return { session: sessionOf(row), user: row[user] === null ? undefined : userOf(row, user) };
}
