import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";

import type { AuthServer } from "@latchkey/server";
import { createArgon2Hasher, createAuthServer, createSqliteStore } from "@latchkey/server";

export const ISSUER = "http://localhost:3000";
export const USER = { email: "ada@example.com", password: "a long enough passphrase" };

/** A hundredth of the work: nothing here is about what passwords cost. */
export const LIGHT_COSTS = { memoryKib: 64, passes: 1, parallelism: 1 };

/** The real authority, on a real database, with one user. */
export interface TestAuthority {
  readonly server: AuthServer;
  /** Sets its clock ahead of the machine's. */
  setAheadSeconds(seconds: number): void;
  close(): Promise<void>;
}

export async function openAuthority(accessTokenTtlSeconds = 600): Promise<TestAuthority> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-client-"));
  let ahead = 0;
  const server = createAuthServer({
    issuer: ISSUER,
    store: createSqliteStore({ path: join(folder, "authority.db") }),
    masterSecret: randomBytes(32),
    accessTokenTtlSeconds,
    passwordHasher: createArgon2Hasher({ costs: LIGHT_COSTS }),
    clock: () => Math.floor(Date.now() / 1000) + ahead,
  });
  await server.ready();
  const answer = await server.fetch(
    new Request(`${ISSUER}/auth/signup`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Origin: ISSUER },
      body: JSON.stringify(USER),
    }),
  );
  if (answer.status !== 201) throw new Error(`sign-up: ${answer.status}`);
  return {
    server,
    setAheadSeconds(seconds) {
      ahead = seconds;
    },
    async close() {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
