import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

import type { Account } from "../../src/ports/account-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { createRedisSessionStore, SessionsInDoubtError } from "../../src/stores/redis/index.ts";
import { createSqliteStore } from "../../src/stores/sqlite/index.ts";
import {
  create,
  endedAfter,
  eventsAfter,
  lastSequence,
  NOW,
  passwordChanged,
  sampleAccount,
} from "../../src/testing/samples.ts";
import { sampleRotation, sampleSession, signedIn, userEvent } from "../../src/testing/samples.ts";
import type { CombinedPlace } from "./redis-combined-stores.ts";
import { shareCombinedStores } from "./redis-combined-stores.ts";
import type { DyingOrder } from "./redis-dying-node.ts";
import { describeOnRedis } from "./redis-test-server.ts";

const combined = shareCombinedStores();

/** A combined store of its own for one test, and as many nodes on it as it opens. */
async function onCombined(body: (place: CombinedPlace, open: CombinedPlace["open"]) => Promise<void>): Promise<void> {
  const place = await combined();
  const opened: Store[] = [];
  try {
    await body(place, (change) => {
      const store = place.open(change);
      opened.push(store);
      return store;
    });
  } finally {
    await Promise.allSettled(opened.map((store) => store.close()));
    await place.drop();
  }
}

async function signUp(store: Store): Promise<Account> {
  const account = sampleAccount();
  await store.accounts.createAccount(account, userEvent("user_signed_up", account.user.id));
  return account;
}

/** Has another process begin a change of the account and die on the way. */
async function die(place: CombinedPlace, account: Account, order: Pick<DyingOrder, "dies" | "change">): Promise<void> {
  const { path, redis } = place;
  const { user, passwordHash } = account;
  const full: DyingOrder = { path, redis: redis.options, userId: user.id, expectedHash: passwordHash, ...order };
  const program = fileURLToPath(new URL("redis-dying-node.ts", import.meta.url));
  const flags = ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, program, JSON.stringify(full)], {
    stdio: "inherit",
    timeout: 20_000,
  });
  const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  expect(signal).toBe("SIGKILL");
}

const AFTER = "after the account changed";
const BEFORE = "before the account changes";

describeOnRedis("a change of an account whose node dies on the way, sessions in Redis", () => {
  it("changed the password: every other session is over for whoever asks next, and the kept one is not", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const [kept, stolen, other] = [
        await create(node, { userId }),
        await create(node, { userId }),
        await create(node, { userId }),
      ];
      const before = await lastSequence(node);

      await die(place, account, { dies: AFTER, change: { newHash: "new", keepSessionId: kept.id } });

      expect(await node.sessions.rotateSession(sampleRotation(stolen))).toBe(false);
      const survivor = open();
      expect(await survivor.sessions.findSession(stolen.id)).toEqual({ ...stolen, revokedAt: NOW });
      expect(await survivor.sessions.findSession(other.id)).toEqual({ ...other, revokedAt: NOW });
      expect(await survivor.sessions.listSessions(userId, NOW)).toEqual([kept]);
      expect(await survivor.sessions.rotateSession(sampleRotation(kept))).toBe(true);
      expect(await eventsAfter(survivor, before)).toEqual([passwordChanged(userId, kept.id)]);
      expect(await eventsAfter(node, before)).toEqual([passwordChanged(userId, kept.id)]);
    }));

  it.each(["find", "rotate", "list"] as const)(
    "changed the password: where the first to ask is a %s, it already sees the session ended",
    async (verb) =>
      onCombined(async (place, open) => {
        const node = open();
        const account = await signUp(node);
        const userId = account.user.id;
        const stolen = await create(node, { userId });

        await die(place, account, { dies: AFTER, change: { newHash: "new", keepSessionId: "another" } });

        const seen = {
          find: async () => (await node.sessions.findSession(stolen.id))?.revokedAt === NOW,
          rotate: async () => !(await node.sessions.rotateSession(sampleRotation(stolen))),
          list: async () => (await node.sessions.listSessions(userId, NOW)).length === 0,
        };
        expect(await seen[verb]()).toBe(true);
      }),
  );

  it("changed the password: where the first to come replaces the hash by another of it, the sessions are over all the same", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const stolen = await create(node, { userId });

      await die(place, account, { dies: AFTER, change: { newHash: "new", keepSessionId: "another" } });

      expect(await node.accounts.upgradePasswordHash({ userId, expectedHash: "new", newHash: "upgraded" })).toBe(true);
      expect(await node.sessions.findSession(stolen.id)).toEqual({ ...stolen, revokedAt: NOW });
      expect(await node.sessions.rotateSession(sampleRotation(stolen))).toBe(false);
    }));

  it("changed the password: who reads the log first finds every session that ended named in it", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const [kept, stolen] = [await create(node, { userId }), await create(node, { userId })];
      const before = await lastSequence(node);

      await die(place, account, { dies: AFTER, change: { newHash: "new", keepSessionId: kept.id } });

      expect(await endedAfter(node, before)).toEqual([stolen.id]);
      expect(await endedAfter(open(), before)).toEqual([stolen.id]);
    }));

  it("changed the password: a sign-in with the new one comes first, and its session lives", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const [kept, stolen] = [await create(node, { userId }), await create(node, { userId })];

      await die(place, account, { dies: AFTER, change: { newHash: "new", keepSessionId: kept.id } });
      const young = await create(node, { userId, createdAt: NOW - 60 });

      // Its clock was a minute slow: nothing goes by clocks.
      expect(await node.sessions.listSessions(userId, NOW)).toEqual([kept, young]);
      expect(await node.sessions.findSession(stolen.id)).toEqual({ ...stolen, revokedAt: NOW });
    }));

  it("had not changed the password: sessions are as they were, and a later change ends what it should and no more", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const [first, second] = [await create(node, { userId }), await create(node, { userId })];
      const before = await lastSequence(node);

      await die(place, account, { dies: BEFORE, change: { newHash: "new", keepSessionId: first.id } });

      const rotation = sampleRotation(second);
      expect(await node.sessions.rotateSession(rotation)).toBe(true);
      const rotated = { ...second, ...rotation.next };
      expect(await node.sessions.findSession(first.id)).toEqual(first);
      const third = await create(node, { userId });
      expect(await node.accounts.findAccount(userId)).toEqual(account);
      expect(await eventsAfter(node, before)).toEqual([signedIn(third)]);

      const { passwordHash: expectedHash } = account;
      const change = { userId, expectedHash, newHash: "newer", keepSessionId: second.id, at: NOW + 9 };
      expect(await node.accounts.changePassword(change, passwordChanged(userId, second.id))).toBe(true);
      expect(await node.sessions.listSessions(userId, NOW)).toEqual([rotated]);
      expect(await node.sessions.findSession(first.id)).toEqual({ ...first, revokedAt: NOW + 9 });
      expect(await open().sessions.rotateSession(sampleRotation(rotated))).toBe(true);
    }));

  it("had deleted the account: its sessions are over; had not: they are not", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const [gone, spared] = [await signUp(node), await signUp(node)];
      const ended = await create(node, { userId: gone.user.id });
      const live = await create(node, { userId: spared.user.id });
      const before = await lastSequence(node);

      await die(place, gone, { dies: AFTER, change: "delete" });
      await die(place, spared, { dies: BEFORE, change: "delete" });

      expect(await node.sessions.rotateSession(sampleRotation(ended))).toBe(false);
      expect(await node.sessions.findSession(ended.id)).toEqual({ ...ended, revokedAt: NOW });
      expect(await node.sessions.rotateSession(sampleRotation(live))).toBe(true);
      expect(await eventsAfter(node, before)).toEqual([userEvent("account_deleted", gone.user.id)]);
    }));

  it("left an announcement: a store that cannot ask the account answers nothing about the user's sessions", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const session = await create(node, { userId });
      const stranger = await create(node);
      await die(place, account, { dies: AFTER, change: { newHash: "new", keepSessionId: "another" } });

      const alone = createRedisSessionStore(place.redis.options);
      try {
        for (const call of [
          () => alone.sessions.findSession(session.id),
          () => alone.sessions.rotateSession(sampleRotation(session)),
          () => alone.sessions.listSessions(userId, NOW),
          () => alone.sessions.createSession(sampleSession({ userId }), signedIn(session)),
        ]) {
          await expect(call()).rejects.toBeInstanceOf(SessionsInDoubtError);
        }
        expect(await alone.sessions.findSession(stranger.id)).toEqual(stranger);
      } finally {
        await alone.close();
      }
      const severed = open((accounts) => ({
        ...accounts,
        accounts: { ...accounts.accounts, findAccount: () => Promise.reject(new Error("no database")) },
      }));
      await expect(severed.sessions.findSession(session.id)).rejects.toThrow("no database");
      await expect(severed.sessions.rotateSession(sampleRotation(session))).rejects.toThrow("no database");
    }));
});

describeOnRedis("a change of an account of which nobody knows whether it took place, sessions in Redis", () => {
  it("took place: the sessions are over", async () =>
    onCombined(async (_place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const [kept, ended] = [await create(node, { userId }), await create(node, { userId })];
      const losingAnswers = open((accounts) => ({
        ...accounts,
        accounts: {
          ...accounts.accounts,
          changePassword: async (...change) => {
            await accounts.accounts.changePassword(...change);
            throw new Error("connection lost");
          },
        },
      }));

      const { passwordHash: expectedHash } = account;
      const change = { userId, expectedHash, newHash: "new", keepSessionId: kept.id, at: NOW };
      await expect(losingAnswers.accounts.changePassword(change, passwordChanged(userId, kept.id))).rejects.toThrow(
        "connection lost",
      );

      expect(await node.sessions.listSessions(userId, NOW)).toEqual([kept]);
      expect(await node.sessions.rotateSession(sampleRotation(ended))).toBe(false);
    }));

  it("came too late: the sessions of the change that came first live on", async () =>
    onCombined(async (place, open) => {
      const node = open();
      const account = await signUp(node);
      const userId = account.user.id;
      const [kept, ended] = [await create(node, { userId }), await create(node, { userId })];
      const { passwordHash: expectedHash } = account;
      const change = { userId, expectedHash, newHash: "new", keepSessionId: kept.id, at: NOW };
      await node.accounts.changePassword(change, passwordChanged(userId, kept.id));

      // What it expects was true when it was checked, and is no more.
      await die(place, account, { dies: AFTER, change: { newHash: "late", keepSessionId: ended.id } });

      expect(await node.sessions.listSessions(userId, NOW)).toEqual([kept]);
      expect(await node.sessions.rotateSession(sampleRotation(kept))).toBe(true);
      expect((await node.accounts.findAccount(userId))?.passwordHash).toBe("new");
    }));
});

describeOnRedis("the events of accounts, sessions in Redis", () => {
  it("reach the one log, each once, whoever wrote them and however many nodes read", async () =>
    onCombined(async (place, open) => {
      const nodes = [open(), open(), open()];
      const accounts = createSqliteStore({ path: place.path });
      const users = Array.from({ length: 1_200 }, () => sampleAccount());
      for (const user of users) await accounts.accounts.createAccount(user, userEvent("user_signed_up", user.user.id));
      await accounts.close();

      const logs = await Promise.all(nodes.map((node) => eventsAfter(node, 0)));

      const signedUp = users.map(({ user }) => userEvent("user_signed_up", user.id));
      expect(logs[0]).toEqual(signedUp);
      expect(await eventsAfter(open(), 0)).toEqual(signedUp);
    }));

  it("come in the order of what was answered, between those of sessions", async () =>
    onCombined(async (_place, open) => {
      const [one, other] = [open(), open()];
      const account = await signUp(one);
      const userId = account.user.id;
      const session = await create(other, { userId });
      await one.accounts.setRoles({ userId, roles: ["admin"] }, userEvent("roles_changed", userId));
      const second = await create(other, { userId });

      expect(await eventsAfter(other, 0)).toEqual([
        userEvent("user_signed_up", userId),
        signedIn(session),
        userEvent("roles_changed", userId),
        signedIn(second),
      ]);
    }));
});
