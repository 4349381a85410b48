import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it, onTestFinished } from "vitest";

import { startRedis } from "../../../../../scripts/redis-server.ts";
import { createSqliteStore } from "../../../src/index.ts";
import { combineStores, createRedisSessionStore } from "../../../src/stores/redis/index.ts";
import { PASSWORD } from "../../authority.ts";
import { describeOnOwnRedis } from "../../stores/redis-test-server.ts";
import { expectInvalidGrant, expectTokens, startOAuth } from "./oauth-world.ts";

describeOnOwnRedis("codes where sessions live in Redis and accounts in SQLite", () => {
  async function start() {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const folder = mkdtempSync(join(tmpdir(), "latchkey-oauth-redis-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const accounts = createSqliteStore({ path: join(folder, "latchkey.db") });
    return startOAuth({ store: combineStores({ accounts, sessions: createRedisSessionStore({ url: server.url }) }) });
  }

  it("RT-14: are redeemed once; of twenty at once one begins a session, and it is ended", async () => {
    const world = await start();
    const waiting = await world.obtainCode();
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.redeem(waiting)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const answer of won) expectInvalidGrant(await world.refresh(expectTokens(answer).refresh_token));
  });

  it("RT-09: end with a new password, in the one step in which all sessions do", async () => {
    const world = await start();
    const token = await world.signIn();
    const [redeemed, waiting] = [await world.obtainCode(), await world.obtainCode()];
    const tokens = expectTokens(await world.redeem(redeemed));
    const json = { current_password: PASSWORD, new_password: "another battery horse staple" };
    expect((await world.authority.call("POST", "/auth/password", { token, json })).status).toBe(204);
    expectInvalidGrant(await world.redeem(waiting));
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
  });
});
