import assert from "node:assert/strict";

import type { Session } from "../domain/session.ts";
import type { SessionBackend } from "../ports/store.ts";
import { AWKWARD_TEXTS, create, eventsAfter, NOW, sampleId, sampleRotation, sampleSession } from "./samples.ts";
import { sessionRevoked, signedIn } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeSessions(test: StoreTest<SessionBackend>): void {
  test("a session is found as it was created", async (open) => {
    const store = await open();
    const full = await create(store, {
      jkt: sampleId(),
      amr: ["pwd", "otp"],
      generation: 7,
      attempts: [
        { generation: 5, keyHashes: ["one", "two"] },
        { generation: 6, keyHashes: ["three"] },
      ],
      attemptKeysUsed: true,
    });
    const bare = await create(store, { device: null, ip: null, place: null, persistent: false, amr: [], scope: "" });

    assert.deepEqual(await store.sessions.findSession(full.id), full);
    assert.deepEqual(await store.sessions.findSession(bare.id), bare);
  });

  test("a session that was never created is not found, whatever it is asked for", async (open) => {
    const store = await open();
    const session = await create(store);
    const strangers = [
      sampleId(),
      "",
      `${session.id} `,
      `${session.id}\0`,
      session.id.slice(1),
      session.id.toLowerCase(),
      "%",
      "*",
      "x".repeat(100_000),
      "\u{1F600}",
    ];
    for (const id of strangers) {
      if (id !== session.id) assert.equal(await store.sessions.findSession(id), undefined);
    }
  });

  test("a session's id is used once: creating it again rejects, and changes nothing", async (open) => {
    const store = await open();
    const session = await create(store);
    const twin = sampleSession({ id: session.id });

    await assert.rejects(store.sessions.createSession(twin, signedIn(twin)));

    assert.deepEqual(await store.sessions.findSession(session.id), session);
    assert.deepEqual(await eventsAfter(store, 0), [signedIn(session)]);
  });

  test("any text comes back as it was, and any length of it", async (open) => {
    const store = await open();
    for (const text of AWKWARD_TEXTS) {
      const session = await create(store, {
        device: text,
        ip: text,
        place: text || null,
        scope: text,
        acr: text,
        amr: [text],
      });
      assert.deepEqual(await store.sessions.findSession(session.id), session);
      const rotation = sampleRotation({ ...session, attempts: [{ generation: 0, keyHashes: [text] }] });
      assert.equal(await store.sessions.rotateSession(rotation), true);
      assert.deepEqual(await store.sessions.findSession(session.id), { ...session, ...rotation.next });
    }
  });

  test("large numbers come back as they were", async (open) => {
    const store = await open();
    const session = await create(store, { createdAt: 2 ** 52, authTime: 2 ** 45, expiresAt: 2 ** 53 - 1 });
    assert.deepEqual(await store.sessions.findSession(session.id), session);
  });

  test("what one node has answered, every node sees at once", async (open) => {
    const [one, other] = [await open(), await open()];
    for (let round = 0; round < 20; round++) {
      const session = await create(one);
      assert.deepEqual(await other.sessions.findSession(session.id), session);

      const rotation = sampleRotation(session);
      assert.equal(await other.sessions.rotateSession(rotation), true);
      const rotated: Session = { ...session, ...rotation.next };
      assert.deepEqual(await one.sessions.findSession(session.id), rotated);
      assert.deepEqual(await one.sessions.listSessions(session.userId, NOW), [rotated]);

      const revocation = { sessionId: session.id, at: NOW, reason: "signed_out" } as const;
      assert.equal(await one.sessions.revokeSession(revocation, sessionRevoked(session)), true);
      assert.equal(await other.sessions.rotateSession(sampleRotation(rotated)), false);
      assert.deepEqual(await other.sessions.findSession(session.id), { ...rotated, revokedAt: NOW });
    }
  });

  test("a user's live sessions are listed newest first, and by id where they are of one second", async (open) => {
    const store = await open();
    const userId = sampleId();
    const old = await create(store, { userId, createdAt: NOW - 5 });
    const twins = await Promise.all([1, 2, 3].map(() => create(store, { userId, createdAt: NOW })));
    const young = await create(store, { userId, createdAt: NOW + 5 });
    await create(store);

    const byId = twins.toSorted((one, other) => (one.id < other.id ? -1 : 1));
    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [young, ...byId, old]);
    assert.deepEqual(await store.sessions.listSessions(sampleId(), NOW), []);
  });

  test("revoked, idle and expired sessions are not listed, from the very second on", async (open) => {
    const store = await open();
    const userId = sampleId();
    const revoked = await create(store, { userId });
    await store.sessions.revokeSession(
      { sessionId: revoked.id, at: NOW, reason: "signed_out" },
      sessionRevoked(revoked),
    );
    await create(store, { userId, idleExpiresAt: NOW });
    await create(store, { userId, idleExpiresAt: NOW + 9, expiresAt: NOW });
    const live = await create(store, { userId, idleExpiresAt: NOW + 1, expiresAt: NOW + 1 });

    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [live]);
    assert.deepEqual(await store.sessions.listSessions(userId, NOW + 1), []);
  });

  test("purging forgets sessions whose time is over, oldest first, at most as many as asked, and no other", async (open) => {
    const store = await open();
    const over = await Promise.all([1, 2, 3, 4, 5].map((age) => create(store, { expiresAt: NOW - age })));
    const [atTheLimit, live, revoked] = [
      await create(store, { expiresAt: NOW }),
      await create(store, { idleExpiresAt: NOW - 1 }),
      await create(store),
    ];
    await store.sessions.revokeSession(
      { sessionId: revoked.id, at: NOW, reason: "signed_out" },
      sessionRevoked(revoked),
    );
    const left = async () => {
      const found = await Promise.all(over.map((session) => store.sessions.findSession(session.id)));
      return found.map((session) => session !== undefined);
    };

    assert.equal(await store.sessions.purgeSessions(NOW, 2), 2);
    assert.deepEqual(await left(), [true, true, true, false, false]);
    assert.equal(await store.sessions.purgeSessions(NOW, 100), 3);
    assert.equal(await store.sessions.purgeSessions(NOW, 100), 0);

    assert.deepEqual(await left(), [false, false, false, false, false]);
    assert.deepEqual(await store.sessions.findSession(atTheLimit.id), atTheLimit);
    assert.deepEqual(await store.sessions.findSession(live.id), live);
    assert.deepEqual(await store.sessions.findSession(revoked.id), { ...revoked, revokedAt: NOW });
  });

  test("nodes that purge at once each forget sessions of their own", async (open) => {
    const nodes = [await open(), await open()] as const;
    await Promise.all(Array.from({ length: 60 }, () => create(nodes[0], { expiresAt: NOW - 1 })));

    let forgotten = 0;
    for (let round = 0; round < 20 && forgotten < 60; round++) {
      const counts = await Promise.all(nodes.map((node) => node.sessions.purgeSessions(NOW, 10)));
      forgotten += counts.reduce((sum, count) => sum + count, 0);
    }

    assert.equal(forgotten, 60);
    assert.equal(await nodes[0].sessions.purgeSessions(NOW, 10), 0);
  });

  test("a purged session does not come back by a late rotation", async (open) => {
    const store = await open();
    const session = await create(store, { expiresAt: NOW - 1 });
    assert.equal(await store.sessions.purgeSessions(NOW, 10), 1);

    assert.equal(await store.sessions.rotateSession(sampleRotation(session)), false);

    assert.equal(await store.sessions.findSession(session.id), undefined);
    assert.deepEqual(await store.sessions.listSessions(session.userId, NOW - 100), []);
  });

  test("a healthy store says so, and a closed one answers nothing", async (open) => {
    const store = await open();
    await store.checkHealth();
    await store.close();
    await assert.rejects(store.checkHealth());
    await assert.rejects(store.sessions.findSession(sampleId()));
    await assert.rejects(store.sessions.rotateSession(sampleRotation(sampleSession())));
  });
}
