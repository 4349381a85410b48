import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it, onTestFinished } from "vitest";

import type { RedisServer } from "../../../../scripts/redis-server.ts";
import { startRedis } from "../../../../scripts/redis-server.ts";
import { createSqliteStore } from "../../src/index.ts";
import { combineStores, createRedisSessionStore } from "../../src/stores/redis/index.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, freshKey, granted, PASSWORD, startAuthority } from "../authority.ts";
import { describeOnOwnRedis } from "./redis-test-server.ts";

async function start(): Promise<{ readonly server: RedisServer; readonly authority: TestAuthority }> {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const folder = mkdtempSync(join(tmpdir(), "latchkey-redis-authority-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const accounts = createSqliteStore({ path: join(folder, "latchkey.db") });
  const authority = await startAuthority({
    store: combineStores({ accounts, sessions: createRedisSessionStore({ url: server.url }) }),
  });
  return { server, authority };
}

const attempt = (key: string) => ({ "Latchkey-Attempt": key });

describeOnOwnRedis("an authority with its sessions in Redis", () => {
  it("signs in, refreshes, lists, and ends a session whose copied token is used", async () => {
    const { authority } = await start();
    const first = await authority.signedIn();
    const second = granted(await authority.refresh(first.refresh_token, attempt(freshKey())));

    const list = await authority.call("GET", "/auth/sessions", { token: second.access_token });
    expect(list.body).toMatchObject({ sessions: [{ id: first.session_id }] });

    expectRefusal(await authority.refresh(first.refresh_token, attempt(freshKey())), 401, "session_ended");
    expectRefusal(await authority.refresh(second.refresh_token, attempt(freshKey())), 401, "session_ended");
  });

  it("answers 503 while Redis is away, and nobody is signed out by it (OP-03)", async () => {
    const { server, authority } = await start();
    const { refresh_token: token, access_token: accessToken } = await authority.signedIn();
    const key = freshKey();
    await server.crash();

    const started = performance.now();
    expectRefusal(await authority.refresh(token, attempt(key)), 503, "unavailable");
    expect(performance.now() - started).toBeLessThan(2_000);
    expectRefusal(await authority.call("GET", "/auth/me", { token: accessToken }), 503, "unavailable");
    expectRefusal(
      await authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: PASSWORD } }),
      503,
      "unavailable",
    );
    expect((await authority.call("GET", "/health/ready")).status).toBe(503);

    await server.restart();
    await expect.poll(async () => (await authority.call("GET", "/health/ready")).status, { timeout: 5_000 }).toBe(200);
    const next = granted(await authority.refresh(token, attempt(key)));
    expect(granted(await authority.refresh(token, attempt(key))).refresh_token).toBe(next.refresh_token);
  });

  it("does not change a password while Redis is away, and ends the other sessions when it does", async () => {
    const { server, authority } = await start();
    const other = await authority.signedIn();
    const mine = await authority.signedIn();
    const change = { current_password: PASSWORD, new_password: "another horse, another battery" };
    const changePassword = () => authority.call("POST", "/auth/password", { json: change, token: mine.access_token });
    await server.crash();
    expectRefusal(await changePassword(), 503, "unavailable");
    await server.restart();
    await expect.poll(async () => (await authority.call("GET", "/health/ready")).status, { timeout: 5_000 }).toBe(200);
    granted(await authority.refresh(other.refresh_token, attempt(freshKey())));

    expect((await changePassword()).status).toBe(204);

    expectRefusal(await authority.refresh(other.refresh_token, attempt(freshKey())), 401, "session_ended");
    granted(await authority.refresh(mine.refresh_token, attempt(freshKey())));
  });
});
