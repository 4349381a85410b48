import { DatabaseSync } from "node:sqlite";

import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";

import { startRedis } from "../../../../scripts/redis-server.ts";
import { createRedisDenylist } from "../../src/stores/redis/index.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, freshKey, granted, PASSWORD, startAuthority } from "../authority.ts";
import { describeOnOwnRedis } from "../stores/redis-test-server.ts";

const attempt = (key: string) => ({ "Latchkey-Attempt": key });
const signIn = { json: { email: "ada@example.com", password: PASSWORD } };

/** Takes tables away, as a migration gone wrong or a broken page does; what is answered puts them back. */
function takeAway(authority: TestAuthority, tables: readonly string[]): () => void {
  const change = (rename: (table: string) => string): void => {
    const database = new DatabaseSync(authority.path, { timeout: 5_000 });
    database.exec("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON");
    for (const table of tables) database.exec(rename(table));
    database.close();
  };
  change((table) => `ALTER TABLE ${table} RENAME TO ${table}_away`);
  return () => change((table) => `ALTER TABLE ${table}_away RENAME TO ${table}`);
}

function liveSessions({ path }: TestAuthority): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare("SELECT count(*) AS n FROM session WHERE revoked_at IS NULL").get();
  database.close();
  return Number(row?.["n"]);
}

describe("OP-03 OP-02: the audit log", () => {
  it("away: nobody is held up, and all is recorded once it is back", async () => {
    const authority = await startAuthority();
    const held = await authority.signedIn();
    const giveBack = takeAway(authority, ["audit_entry", "audit_state"]);
    const next = granted(await authority.refresh(held.refresh_token, attempt(freshKey())));
    const second = granted(await authority.call("POST", "/auth/login", signIn));
    await authority.call("POST", "/auth/logout", { json: { refresh_token: second.refresh_token } });
    await expect.poll(() => authority.logs.join("\n"), { timeout: 8_000 }).toContain("the audit log");
    giveBack();
    const types = async (): Promise<readonly string[]> =>
      (await authority.server.audit.list({ limit: 100 }))
        .map(({ event }) => event.type)
        .filter((type) => !type.startsWith("key_"))
        .toReversed();
    await expect
      .poll(types, { timeout: 15_000 })
      .toEqual(["user_signed_up", "signed_in", "signed_in", "session_revoked"]);
    expect(await authority.server.audit.verify()).toMatchObject({ intact: true });
    granted(await authority.refresh(next.refresh_token, attempt(freshKey())));
  });
});

describe("OP-03 OP-02: the event log", () => {
  it("away: nothing is done that could not be recorded, and no session is dropped for it", async () => {
    const authority = await startAuthority();
    const held = await authority.signedIn();
    const stolen = await authority.signedIn();
    const successor = granted(await authority.refresh(stolen.refresh_token, attempt(freshKey())));
    await authority.refresh(successor.refresh_token, attempt(freshKey()));
    const giveBack = takeAway(authority, ["event"]);

    expectRefusal(await authority.call("POST", "/auth/login", signIn), 503, "unavailable");
    const wrong = { json: { ...signIn.json, password: "a wrong password" } };
    expectRefusal(await authority.call("POST", "/auth/login", wrong), 503, "unavailable");
    const leave = { json: { refresh_token: held.refresh_token } };
    expectRefusal(await authority.call("POST", "/auth/logout", leave), 503, "unavailable");
    // A copy is used: it gets nothing, but nobody can say yet that the session has ended.
    expectRefusal(await authority.refresh(stolen.refresh_token), 503, "unavailable");
    expect(liveSessions(authority)).toBe(2);

    giveBack();
    granted(await authority.refresh(held.refresh_token, attempt(freshKey())));
    expectRefusal(await authority.refresh(stolen.refresh_token), 401, "session_ended");
    expect(liveSessions(authority)).toBe(1);
  });
});

describeOnOwnRedis("OP-03: a denylist's Redis", () => {
  it.each(["frozen", "killed"] as const)(
    "%s in the middle of revocations: nobody waits for it, and nothing is missing afterwards",
    { timeout: 60_000 },
    async (how) => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const authority = await startAuthority({ denylist: createRedisDenylist({ url: redis.url }) });
      const client = new Redis(redis.url, { retryStrategy: () => 50 });
      client.on("error", () => undefined);
      onTestFinished(() => client.disconnect());
      const confirmed = () => client.get("{latchkey}:revoked:confirmed");
      const isDenied = async (sessionId: string) => (await client.exists(`{latchkey}:revoked:sid:${sessionId}`)) === 1;
      await expect.poll(confirmed).not.toBeNull();

      const held = await authority.signedIn();
      const leaving = [];
      for (let count = 0; count < 8; count++) leaving.push(await authority.signedIn());
      const started = performance.now();
      const endings = leaving.map(async ({ refresh_token: token }, index) => {
        if (index === 3) await (how === "killed" ? redis.crash() : redis.pause());
        return authority.call("POST", "/auth/logout", { json: { refresh_token: token } });
      });
      for (const { status } of await Promise.all(endings)) expect(status).toBe(204);
      const next = granted(await authority.refresh(held.refresh_token, attempt(freshKey())));
      expect((await authority.call("GET", "/auth/me", { token: next.access_token })).status).toBe(200);
      expect((await authority.call("GET", "/health/ready")).status).toBe(200);
      expect(performance.now() - started).toBeLessThan(2_500);

      await expect
        .poll(() => authority.logs.join("\n"), { timeout: 15_000 })
        .toContain("the denylist cannot be written");
      await (how === "killed" ? redis.restart() : redis.resume());
      for (const { session_id: id } of leaving) await expect.poll(() => isDenied(id), { timeout: 10_000 }).toBe(true);
      expect(await isDenied(held.session_id)).toBe(false);
      await expect.poll(confirmed, { timeout: 10_000 }).not.toBeNull();
      granted(await authority.refresh(next.refresh_token, attempt(freshKey())));
    },
  );

  it("away from the start: the authority starts, signs in and refreshes", async () => {
    const redis = await startRedis();
    await redis.stop();
    const authority = await startAuthority({ denylist: createRedisDenylist({ url: redis.url }) });
    const held = await authority.signedIn();
    granted(await authority.refresh(held.refresh_token, attempt(freshKey())));
  });
});
