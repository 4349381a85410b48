import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it, onTestFinished } from "vitest";

import { createKeySealer, createSqliteStore, resealKeys } from "../../src/index.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import type { TestAuthority } from "../authority.ts";
import { freshKey, granted, startAuthority } from "../authority.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";

const [OLD, NEW] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

/** What an operator who looks into the database sees: which master secret seals each key. */
async function masterIds(path: string): Promise<readonly string[]> {
  const store = createSqliteStore({ path });
  const keys = await store.keys.listKeys();
  await store.close();
  return [...new Set(keys.flatMap(({ sealed }) => (sealed === null ? [] : [sealed.split(".")[1] ?? ""])))];
}

async function reseal(path: string): Promise<number> {
  const store = createSqliteStore({ path });
  onTestFinished(() => store.close());
  return resealKeys({ store: store.keys, sealer: createKeySealer(NEW, OLD) });
}

describe("sealing anew under another master secret", () => {
  it("leaves every key what it was, is felt by no session, and afterwards the old secret is not needed", async () => {
    const authority = await startAuthority({ masterSecret: OLD });
    const session = await authority.signedIn();
    const [oldId] = await masterIds(authority.path);

    const both = await authority.restart({ masterSecret: [NEW, OLD] });
    expect(await reseal(authority.path)).toBe(4);
    expect(await masterIds(authority.path)).not.toContain(oldId);
    const refreshed = granted(await both.refresh(session.refresh_token, { "Idempotency-Key": freshKey() }));

    const alone = await both.restart({ masterSecret: NEW });
    granted(await alone.refresh(refreshed.refresh_token, { "Idempotency-Key": freshKey() }));
    await expect(alone.restart({ masterSecret: OLD })).rejects.toThrow("The master secret is not the one");
  });

  it("does nothing where it is done, and goes on where it was broken off", async () => {
    const authority = await startAuthority({ masterSecret: OLD });
    await authority.server.close();
    const store = createSqliteStore({ path: authority.path });
    onTestFinished(() => store.close());
    const sealer = createKeySealer(NEW, OLD);
    let opened = 0;
    const failing = {
      ...sealer,
      open: (...args: Parameters<typeof sealer.open>) => {
        opened += 1;
        return opened > 2 ? Promise.reject(new Error("the power went")) : sealer.open(...args);
      },
    };
    await expect(resealKeys({ store: store.keys, sealer: failing })).rejects.toThrow("the power went");
    expect(await resealKeys({ store: store.keys, sealer })).toBe(2);
    expect(await resealKeys({ store: store.keys, sealer })).toBe(0);
  });

  it("does not bring back a key that was destroyed meanwhile", async () => {
    const authority = await startAuthority({ masterSecret: OLD });
    const store = createSqliteStore({ path: authority.path });
    onTestFinished(() => store.close());
    const sealer = createKeySealer(NEW, OLD);
    const [first] = await authority.server.listKeys();
    let isRevoked = false;
    const slow = {
      ...sealer,
      seal: async (...args: Parameters<typeof sealer.seal>) => {
        const sealed = await sealer.seal(...args);
        if (!isRevoked) await authority.server.revokeKey(first?.kid ?? "");
        isRevoked = true;
        return sealed;
      },
    };
    await resealKeys({ store: store.keys, sealer: slow });
    const row = (await store.keys.listKeys()).find(({ kid }) => kid === first?.kid);
    expect(row).toMatchObject({ sealed: null, revokedAt: expect.any(Number) as number });
  });
});

describeOnPostgres("sealing anew beside two nodes under load that rotate their keys", () => {
  it("costs no request and no session, and afterwards the old secret can be left out", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const open = () => createPostgresStore({ connectionString: database.url });
    const first = await startAuthority({ masterSecret: OLD, store: open() });
    const second = await first.beside({ masterSecret: [OLD, NEW], store: open() });
    await first.server.close();
    const nodes: readonly TestAuthority[] = [await second.beside({ masterSecret: [NEW, OLD], store: open() }), second];

    let isOver = false;
    const refusals: unknown[] = [];
    let refreshes = 0;
    const user = async (index: number): Promise<void> => {
      const email = `user-${index}@example.com`;
      let { refresh_token: token } = await second.signedIn({ email });
      while (!isOver) {
        const answer = await nodes[refreshes % 2]?.refresh(token, { "Idempotency-Key": freshKey() });
        if (answer?.status === 200) token = granted(answer).refresh_token;
        else refusals.push(answer?.body);
        refreshes += 1;
      }
    };
    const load = Promise.all([0, 1, 2, 3].map(user));
    const store = open();
    onTestFinished(() => store.close());
    const sealer = createKeySealer(NEW, OLD);
    for (let round = 0; round < 6; round++) {
      await nodes[round % 2]?.server.rotateKeys();
      second.advance(7_300);
      await sleep(150);
      await resealKeys({ store: store.keys, sealer });
    }
    isOver = true;
    await load;
    await second.server.close();
    await resealKeys({ store: store.keys, sealer });

    expect(refusals).toEqual([]);
    expect(refreshes).toBeGreaterThan(20);
    expect((await store.keys.listKeys()).every(({ sealed }) => sealed === null || sealer.isCurrent(sealed))).toBe(true);
    await nodes[0]?.server.close();
    const alone = await second.beside({ masterSecret: NEW, store: open() });
    await alone.signedIn({ email: "afterwards@example.com" });
  });
});
