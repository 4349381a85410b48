import { createPostgresStore } from "@latchkey/server/postgres";
import pg from "pg";

import { startPostgres } from "../../scripts/postgres-server.ts";
import type { Bench, Session } from "./subject.ts";
import { CONCURRENCY, createSession, nextRotation, rotateFor, workFor } from "./subject.ts";

const FLOOR = `bare update by primary key, relaxed, ${CONCURRENCY} at once`;

const UPDATE = `
  UPDATE latchkey.session
     SET generation = $4, secret_hash = $5, attempts = $6, attempt_keys_used = $7, rotated_at = $8, idle_expires_at = $9
   WHERE id = $1 AND generation = $2 AND secret_hash = $3 AND revoked_at IS NULL`;

/** Rotations on PostgreSQL, against the least that one row update costs through the same driver and pool. */
export async function openPostgresBench(count: number): Promise<Bench> {
  const server = await startPostgres({ durable: true });
  const store = createPostgresStore({ connectionString: server.url });
  const sessions: Session[] = Array.from({ length: count }, (_, index) => createSession(`user ${index}`));
  let created = 0;
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let session = sessions[created++]; session !== undefined; session = sessions[created++]) {
        const { userId, id: sessionId, createdAt: at } = session;
        const origin = { ip: null, userAgent: null };
        await store.sessions.createSession(session, { type: "signed_in", userId, sessionId, at, origin });
      }
    }),
  );
  const relaxed = new pg.Pool({ connectionString: server.url, options: "-c synchronous_commit=off" });
  const flushed = new pg.Pool({ connectionString: server.url });
  await relaxed.query('CREATE TABLE floor (id text COLLATE "C" PRIMARY KEY, value bigint) WITH (fillfactor = 50)');
  await relaxed.query("INSERT INTO floor SELECT id, 0 FROM latchkey.session");
  await relaxed.query("CREATE TABLE used_token (session_id text, generation bigint, secret_hash text, used boolean)");
  await relaxed.query("CREATE UNIQUE INDEX ON used_token (session_id, generation)");
  await relaxed.query("INSERT INTO used_token SELECT id, 0, secret_hash, false FROM latchkey.session");
  await relaxed.query("VACUUM ANALYZE");
  const tokens = [...sessions];

  const measure = (milliseconds: number, work: (session: Session, index: number) => Promise<void>): Promise<number> => {
    let done = 0;
    return workFor({ milliseconds, concurrency: CONCURRENCY }, async (worker) => {
      const index = worker + CONCURRENCY * Math.floor(Math.random() * Math.floor(count / CONCURRENCY));
      const session = sessions[index];
      if (session === undefined) throw new Error("There are fewer sessions than workers.");
      await work(session, index);
      done += 1;
    }).then(() => done);
  };
  const valuesOf = (session: Session, next: ReturnType<typeof nextRotation>["next"]) => [
    session.id,
    session.generation,
    session.secretHash,
    next.generation,
    next.secretHash,
    JSON.stringify(next.attempts.map(({ generation, keyHashes }) => [generation, ...keyHashes])),
    next.attemptKeysUsed,
    next.rotatedAt,
    next.idleExpiresAt,
  ];

  return {
    title: `${server.version}, ${count.toLocaleString("en")} sessions, pool of 10`,
    subjects: [
      {
        name: FLOOR,
        run: (milliseconds) =>
          measure(milliseconds, async ({ id }) => {
            await relaxed.query({
              name: "floor",
              text: "UPDATE floor SET value = value + 1 WHERE id = $1",
              values: [id],
            });
          }),
      },
      {
        name: `rotateSession, ${CONCURRENCY} at once`,
        peer: { name: FLOOR, atLeast: 0.6 },
        run: (milliseconds) => rotateFor(store, sessions, { milliseconds, concurrency: CONCURRENCY }),
      },
      {
        name: `the same statement, flushed, ${CONCURRENCY} at once`,
        peer: { name: FLOOR },
        run: (milliseconds) =>
          measure(milliseconds, async (session, index) => {
            const { next } = nextRotation(session);
            await flushed.query({ name: "rotate", text: UPDATE, values: valuesOf(session, next) });
            sessions[index] = { ...session, ...next };
          }),
      },
      {
        name: `the usual transaction (lock, mark used, insert new), ${CONCURRENCY} at once`,
        peer: { name: FLOOR },
        run: (milliseconds) =>
          measure(milliseconds, async ({ id }, index) => {
            const token = tokens[index];
            if (token?.id !== id) throw new Error("There are fewer tokens than sessions.");
            const { next } = nextRotation(token);
            await rotateByRows(flushed, token, next);
            tokens[index] = { ...token, ...next };
          }),
      },
    ],
    close: async () => {
      await Promise.all([relaxed.end(), flushed.end(), store.close()]);
      await server.stop();
    },
  };
}

/** What refresh tokens kept as rows cost: five round trips and two rows a rotation. */
async function rotateByRows(
  pool: pg.Pool,
  session: Session,
  next: { readonly generation: number; readonly secretHash: string },
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query({
      name: "lock",
      text: "SELECT * FROM used_token WHERE session_id = $1 AND generation = $2 FOR UPDATE",
      values: [session.id, session.generation],
    });
    await client.query({
      name: "use",
      text: "UPDATE used_token SET used = true WHERE session_id = $1 AND generation = $2",
      values: [session.id, session.generation],
    });
    await client.query({
      name: "add",
      text: "INSERT INTO used_token VALUES ($1, $2, $3, false)",
      values: [session.id, next.generation, next.secretHash],
    });
    await client.query("COMMIT");
  } finally {
    client.release();
  }
}
