import { createRedisSessionStore } from "@latchkey/server/redis";

import type { RedisSettings } from "../../scripts/redis-server.ts";
import { startRedis } from "../../scripts/redis-server.ts";
import type { Bench, Session, Sessions, Subject } from "./subject.ts";
import { createSession, rotateFor } from "./subject.ts";

/** When Redis forces what it has answered to the disk. */
const SETTINGS: readonly (readonly [name: string, settings: RedisSettings])[] = [
  ["appendfsync always", { appendfsync: "always" }],
  ["appendfsync everysec", { appendfsync: "everysec" }],
  ["appendonly no", { appendonly: "no" }],
];

const CONCURRENCIES = [1, 16, 64] as const;
/** Of these there are enough for every round. */
const REVOCATIONS_A_ROUND = 100;
const MOST_ROUNDS = 20;

/** Rotations and revocations in Redis, by what it is configured to keep. Accounts are not asked. */
export async function openRedisBench(count: number): Promise<Bench> {
  const opened: Omit<Bench, "title">[] = [];
  for (const [name, settings] of SETTINGS) opened.push(await openOne(name, settings, count));
  return {
    title: `Redis, ${count.toLocaleString("en")} sessions`,
    subjects: opened.flatMap(({ subjects }) => subjects),
    close: async () => {
      await Promise.all(opened.map(async ({ close }) => close()));
    },
  };
}

async function openOne(name: string, settings: RedisSettings, count: number): Promise<Omit<Bench, "title">> {
  const server = await startRedis(settings);
  const store = createRedisSessionStore({ url: server.url, durability: "unchecked" });
  const sessions = await fill(store, count);
  const revocable = await fill(store, REVOCATIONS_A_ROUND * MOST_ROUNDS);
  const rotations = CONCURRENCIES.map((concurrency): Subject => ({
    name: `${name}: rotateSession, ${concurrency} at once`,
    run: (milliseconds) => rotateFor(store, sessions, { milliseconds, concurrency }),
  }));
  const revocations: Subject = {
    name: `${name}: revokeSession, one at a time`,
    run: (milliseconds) => revokeFor(store, revocable, milliseconds),
  };
  return {
    subjects: [...rotations, revocations],
    close: async () => {
      await store.close();
      await server.stop();
    },
  };
}

async function fill(store: Sessions, count: number): Promise<Session[]> {
  const sessions = Array.from({ length: count }, (_, index) => createSession(`user ${index}`));
  const waiting = [...sessions];
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (let session = waiting.pop(); session !== undefined; session = waiting.pop()) {
        const { userId, id: sessionId, createdAt: at } = session;
        await store.sessions.createSession(session, { type: "signed_in", userId, sessionId, at, origin: NOBODY });
      }
    }),
  );
  return sessions;
}

async function revokeFor(store: Sessions, revocable: Session[], milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let count = 0;
  while (performance.now() < end && count < REVOCATIONS_A_ROUND) {
    const session = revocable.pop();
    if (session === undefined) throw new Error("There are more rounds than sessions to revoke.");
    const { id: sessionId, userId, createdAt: at } = session;
    const revocation = { sessionId, userId, at, reason: "signed_out" } as const;
    await store.sessions.revokeSession(revocation, { type: "session_revoked", ...revocation, origin: NOBODY });
    count += 1;
  }
  return count;
}

const NOBODY = { ip: null, userAgent: null };
