import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it, onTestFinished, vi } from "vitest";

import type { Store } from "../../src/index.ts";
import { createAuthServer, createSqliteStore } from "../../src/index.ts";
import { ISSUER, MASTER_SECRET, startAuthority } from "../authority.ts";
import { basicOf, WITH_RESOURCE_SERVERS } from "./resource-server.ts";

/** A store on a real database, parts of which can be made to fail or hang. */
function storeWithFaults() {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-health-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const real = createSqliteStore({ path: join(folder, "latchkey.db") });
  const fault = { health: "none" as "none" | "fails" | "hangs", keys: false, events: false, healthChecks: 0 };
  const away = (): Promise<never> => Promise.reject(new Error("connect ECONNREFUSED db.internal user=admin"));
  const store: Store = {
    ...real,
    keys: {
      ...real.keys,
      listKeys: () => (fault.keys ? away() : real.keys.listKeys()),
      changeKeys: (decide) => (fault.keys ? away() : real.keys.changeKeys(decide)),
    },
    events: {
      ...real.events,
      listEvents: (after, limit) => (fault.events ? away() : real.events.listEvents(after, limit)),
    },
    async checkHealth() {
      fault.healthChecks += 1;
      if (fault.health === "fails") return away();
      if (fault.health === "hangs") await new Promise(() => undefined);
      await real.checkHealth();
    },
  };
  return { store, fault };
}

describe("OP-03: /health/ready", () => {
  const FRESH_MS = 1_050;

  it.each(["fails", "hangs"] as const)("says within a second that the store %s, and by code alone", async (how) => {
    const { store, fault } = storeWithFaults();
    const authority = await startAuthority({ store });
    expect((await authority.call("GET", "/health/ready")).status).toBe(200);
    fault.health = how;
    await sleep(FRESH_MS);
    const started = performance.now();
    const answer = await authority.call("GET", "/health/ready");
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(answer.status).toBe(503);
    expect(answer.body).toEqual({
      error: "unavailable",
      error_description: "The service cannot answer right now. Try again later.",
      reasons: ["store_unavailable"],
    });
    expect(answer.headers.get("retry-after")).toBe("1");
    expect((await authority.call("GET", "/health/live")).status).toBe(200);
  });

  it("asks the store once a second however often it is asked, and a store that hangs once", async () => {
    const { store, fault } = storeWithFaults();
    const authority = await startAuthority({ store });
    const before = fault.healthChecks;
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 50 }, () => authority.call("GET", "/health/ready")));
    }
    expect(fault.healthChecks - before).toBeLessThanOrEqual(3);
    fault.health = "hangs";
    await sleep(FRESH_MS);
    const hanging = fault.healthChecks;
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 50 }, () => authority.call("GET", "/health/ready")));
      await sleep(FRESH_MS);
    }
    expect(fault.healthChecks - hanging).toBe(1);
  });

  it("says so where the event log cannot be read any more by a node that somebody follows, and when it can again", async () => {
    const { store, fault } = storeWithFaults();
    const authority = await startAuthority({ store, ...WITH_RESOURCE_SERVERS });
    const read = () => authority.call("GET", "/revocations", { headers: { Authorization: basicOf("api") } });
    expect((await read()).status).toBe(200);
    fault.events = true;
    await expect
      .poll(async () => (await authority.call("GET", "/health/ready")).body, { timeout: 12_000, interval: 300 })
      .toMatchObject({ reasons: ["revocations_unavailable"] });
    expect((await read()).status).toBe(503);
    fault.events = false;
    await expect
      .poll(async () => (await authority.call("GET", "/health/ready")).status, { timeout: 8_000, interval: 300 })
      .toBe(200);
  });

  it("says so where no key has been readable for too long to sign with", async () => {
    const { store, fault } = storeWithFaults();
    const authority = await startAuthority({ store });
    expect((await authority.call("GET", "/health/ready")).status).toBe(200);
    vi.spyOn(performance, "now").mockImplementation(() => Date.now() + 700_000);
    onTestFinished(() => void vi.restoreAllMocks());
    fault.keys = true;
    expect((await authority.call("GET", "/health/ready")).body).toMatchObject({ reasons: ["keys_unavailable"] });
  });

  it("says so where the keys cannot be opened at all; the process is live all the same", async () => {
    const { store, fault } = storeWithFaults();
    fault.keys = true;
    const server = createAuthServer({ issuer: ISSUER, store, masterSecret: MASTER_SECRET });
    onTestFinished(() => server.close());
    const ask = (path: string) => server.fetch(new Request(`${ISSUER}${path}`));
    const ready = await ask("/health/ready");
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ error: "unavailable", reasons: ["keys_unavailable"] });
    const live = await ask("/health/live");
    expect(live.status).toBe(200);
    expect(live.headers.has("retry-after")).toBe(false);
    const refused = await ask("/auth/me");
    expect(refused.status).toBe(503);
    for (const { headers } of [ready, live, refused]) {
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("strict-transport-security")).toBe("max-age=31536000; includeSubDomains");
    }
    fault.keys = false;
    expect((await ask("/health/ready")).status).toBe(200);
  });

  it("says that it is stopping as soon as that is announced, while all else is answered", async () => {
    const authority = await startAuthority();
    const { access_token: token } = await authority.signedIn();
    expect((await authority.call("GET", "/health/ready")).status).toBe(200);
    authority.server.announceStop();
    const answer = await authority.call("GET", "/health/ready");
    expect(answer).toMatchObject({ status: 503, body: { reasons: ["stopping"] } });
    expect((await authority.call("GET", "/auth/me", { token })).status).toBe(200);
  });
});
