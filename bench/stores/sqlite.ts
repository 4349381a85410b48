import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { createSqliteStore } from "@latchkey/server";

import type { Bench, Session } from "./subject.ts";
import { CONCURRENCY, createSession, nextRotation, rotateFor } from "./subject.ts";

/** Rotations on SQLite, and what one row update costs there at the least. */
export async function openSqliteBench(count: number): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const path = join(folder, "latchkey.db");
  const store = createSqliteStore({ path });
  const sessions: Session[] = Array.from({ length: count }, () => createSession("user"));
  for (const session of sessions) {
    const at = session.createdAt;
    const origin = { ip: null, userAgent: null };
    await store.sessions.createSession(session, {
      type: "signed_in",
      userId: "user",
      sessionId: session.id,
      at,
      origin,
    });
  }
  const bare = new DatabaseSync(path, { timeout: 5_000 });
  bare.exec(
    "PRAGMA synchronous = NORMAL; CREATE TABLE floor (id TEXT PRIMARY KEY, value INTEGER) STRICT, WITHOUT ROWID",
  );
  const insert = bare.prepare("INSERT INTO floor VALUES (?, 0)");
  bare.exec("BEGIN");
  for (const { id } of sessions) insert.run(id);
  bare.exec("COMMIT");
  const increment = bare.prepare("UPDATE floor SET value = value + 1 WHERE id = ?");
  const update = bare.prepare(`
    UPDATE session
       SET generation = ?, secret_hash = ?, attempts = ?, attempt_keys_used = ?, rotated_at = ?, idle_expires_at = ?
     WHERE id = ? AND generation = ? AND secret_hash = ? AND revoked_at IS NULL`);
  const anySession = (): number => Math.floor(Math.random() * sessions.length);

  return {
    title: `SQLite ${String(bare.prepare("SELECT sqlite_version() AS version").get()?.["version"])}, ${count.toLocaleString("en")} sessions`,
    subjects: [
      {
        name: "bare update by primary key, each its own transaction",
        run: (milliseconds) => repeatFor(milliseconds, () => increment.run(sessions[anySession()]?.id ?? "")),
      },
      {
        name: "the rotation's statement, each in a transaction of its own",
        peer: { name: "bare update by primary key, each its own transaction" },
        run: (milliseconds) =>
          repeatFor(milliseconds, () => {
            const index = anySession();
            const session = sessions[index];
            if (session === undefined) return;
            const { expected, next } = nextRotation(session);
            bare.exec("BEGIN IMMEDIATE");
            update.run(
              next.generation,
              next.secretHash,
              JSON.stringify(next.attempts),
              Number(next.attemptKeysUsed),
              next.rotatedAt,
              next.idleExpiresAt,
              session.id,
              expected.generation,
              expected.secretHash,
            );
            bare.exec("COMMIT");
            sessions[index] = { ...session, ...next };
          }),
      },
      {
        name: "rotateSession, one at a time",
        peer: { name: "bare update by primary key, each its own transaction" },
        run: (milliseconds) => rotateFor(store, sessions, { milliseconds, concurrency: 1 }),
      },
      {
        name: `rotateSession, ${CONCURRENCY} at once`,
        peer: { name: "the rotation's statement, each in a transaction of its own", atLeast: 1.25 },
        run: (milliseconds) => rotateFor(store, sessions, { milliseconds, concurrency: CONCURRENCY }),
      },
    ],
    close: async () => {
      bare.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function repeatFor(milliseconds: number, work: () => void): Promise<number> {
  const end = performance.now() + milliseconds;
  let count = 0;
  for (; performance.now() < end; count++) work();
  return count;
}
