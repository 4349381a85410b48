import { randomBytes } from "node:crypto";

import type { Store } from "@latchkey/server";

/** One thing that is measured: how often a second something can be done. */
export interface Subject {
  readonly name: string;
  /** The subject it is compared with, and at least how much of its rate it must have. */
  readonly peer?: { readonly name: string; readonly atLeast?: number };
  /** Does it for about so long, and answers how often. */
  run(milliseconds: number): Promise<number>;
}

/** The subjects of one database, and how to be rid of it. */
export interface Bench {
  readonly title: string;
  readonly subjects: readonly Subject[];
  close(): Promise<void>;
}

/** Stores of sessions alone are measured, too. */
export type Sessions = Pick<Store, "sessions">;

type Rotation = Parameters<Store["sessions"]["rotateSession"]>[0];
export type Session = Parameters<Store["sessions"]["createSession"]>[0];

/** How many requests are under way at once. */
export const CONCURRENCY = 64;

export const NOW = 1_800_000_000;

export function createSession(userId: string): Session {
  return {
    id: randomBytes(16).toString("base64url"),
    userId,
    clientId: "first-party",
    audience: "https://api.example.com",
    scope: "read write",
    createdAt: NOW,
    authTime: NOW,
    amr: ["pwd"],
    acr: "aal1",
    persistent: true,
    device: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ip: "192.0.2.7",
    place: null,
    jkt: null,
    generation: 0,
    secretHash: randomBytes(32).toString("base64url"),
    attempts: [],
    attemptKeysUsed: false,
    rotatedAt: NOW,
    idleExpiresAt: NOW + 604_800,
    expiresAt: NOW + 2_592_000,
    revokedAt: null,
  };
}

export function nextRotation(session: Session): Rotation {
  const generation = session.generation + 1;
  // Cheap to make, and as long as the real ones.
  const mark = String(generation).padStart(43, "x");
  return {
    sessionId: session.id,
    expected: { generation: session.generation, secretHash: session.secretHash },
    next: {
      generation,
      secretHash: mark,
      attempts: [...session.attempts, { generation: session.generation, keyHashes: [mark.slice(21)] }].slice(-8),
      attemptKeysUsed: true,
      rotatedAt: NOW,
      idleExpiresAt: NOW + 604_800,
    },
  };
}

/** Rotates sessions, so many at once and each for itself, as refreshing clients do. */
export async function rotateFor(
  store: Sessions,
  sessions: Session[],
  load: { readonly milliseconds: number; readonly concurrency: number },
): Promise<number> {
  let count = 0;
  await workFor(load, async (worker) => {
    // Each worker has sessions of its own, so none of them ever loses.
    const index =
      worker + load.concurrency * Math.floor(Math.random() * Math.floor(sessions.length / load.concurrency));
    const session = sessions[index];
    if (session === undefined) throw new Error("There are fewer sessions than workers.");
    const rotation = nextRotation(session);
    if (!(await store.sessions.rotateSession(rotation))) throw new Error("A rotation lost that nobody raced.");
    sessions[index] = { ...session, ...rotation.next };
    count += 1;
  });
  return count;
}

export async function workFor(
  load: { readonly milliseconds: number; readonly concurrency: number },
  work: (worker: number) => Promise<void>,
): Promise<void> {
  const end = performance.now() + load.milliseconds;
  await Promise.all(
    Array.from({ length: load.concurrency }, async (_, worker) => {
      while (performance.now() < end) await work(worker);
    }),
  );
}
