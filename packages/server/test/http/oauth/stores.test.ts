import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { decodeJwt } from "jose";
import { expect, it, onTestFinished } from "vitest";

import { startRedis } from "../../../../../scripts/redis-server.ts";
import type { AuthServerOptions } from "../../../src/index.ts";
import { createSqliteStore } from "../../../src/index.ts";
import { combineStores, createRedisSessionStore } from "../../../src/stores/redis/index.ts";
import { PASSWORD } from "../../authority.ts";
import { describeOnOwnRedis } from "../../stores/redis-test-server.ts";
import { startReceiver } from "../../webhooks/receiver.ts";
import { expectInvalidGrant, expectTokens, SHOP, startOAuth } from "./oauth-world.ts";
import { expectToBeTold } from "./told-of-logouts.ts";

describeOnOwnRedis("codes and sessions of clients where sessions live in Redis and accounts in SQLite", () => {
  async function start(options: Partial<AuthServerOptions> = {}) {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const folder = mkdtempSync(join(tmpdir(), "latchkey-oauth-redis-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const accounts = createSqliteStore({ path: join(folder, "latchkey.db") });
    const store = combineStores({ accounts, sessions: createRedisSessionStore({ url: server.url }) });
    return Object.assign(await startOAuth({ store, ...options }), { store });
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

  it("LO-03: tell their clients where they have ended with a new password", async () => {
    const receiver = await startReceiver();
    const world = await start({ clients: [{ ...SHOP, backchannelLogoutUri: receiver.url }] });
    await expectToBeTold(world.store, "shop");
    const token = await world.signIn();
    const { id_token: idToken = "" } = expectTokens(await world.redeem(await world.obtainCode()));
    const json = { current_password: PASSWORD, new_password: "another battery horse staple" };
    expect((await world.authority.call("POST", "/auth/password", { token, json })).status).toBe(204);
    await expect.poll(() => receiver.received.length, { timeout: 25_000 }).toBe(1);
    const logoutToken = new URLSearchParams(receiver.received[0]?.body).get("logout_token") ?? "";
    expect(decodeJwt(logoutToken)["sid"]).toBe(decodeJwt(idToken)["sid"]);
  });
});
