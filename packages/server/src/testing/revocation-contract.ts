import assert from "node:assert/strict";

import type { SessionBackend } from "../ports/store.ts";
import {
  create,
  endedAfter,
  eventsAfter,
  lastSequence,
  NOW,
  sampleId,
  sampleRotation,
  sampleSession,
} from "./samples.ts";
import { sessionRevoked, userSessionsRevoked } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeRevocation(test: StoreTest<SessionBackend>): void {
  test("a session is revoked once, and keeps the time of it", async (open) => {
    const store = await open();
    const session = await create(store);
    const other = await create(store, { userId: session.userId });
    const before = await lastSequence(store);
    const revoke = (at: number) =>
      store.sessions.revokeSession({ sessionId: session.id, at, reason: "signed_out" }, sessionRevoked(session));

    assert.equal(await revoke(NOW + 1), true);
    assert.equal(await revoke(NOW + 2), false);

    assert.deepEqual(await store.sessions.findSession(session.id), { ...session, revokedAt: NOW + 1 });
    assert.deepEqual(await store.sessions.findSession(other.id), other);
    assert.deepEqual(await eventsAfter(store, before), [sessionRevoked(session)]);
  });

  test("a session that does not exist is not revoked, and nothing is recorded", async (open) => {
    const store = await open();
    const session = sampleSession();

    const revoked = await store.sessions.revokeSession(
      { sessionId: session.id, at: NOW, reason: "signed_out" },
      sessionRevoked(session),
    );

    assert.equal(revoked, false);
    assert.equal(await store.sessions.findSession(session.id), undefined);
    assert.deepEqual(await eventsAfter(store, 0), []);
  });

  test("of 20 revocations at once, on two nodes, one takes place and is recorded", async (open) => {
    const nodes = [await open(), await open()] as const;
    const session = await create(nodes[0]);
    const before = await lastSequence(nodes[0]);

    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        nodes[index % 2 === 0 ? 0 : 1].sessions.revokeSession(
          { sessionId: session.id, at: NOW + index, reason: "signed_out" },
          sessionRevoked(session),
        ),
      ),
    );

    assert.equal(verdicts.filter(Boolean).length, 1);
    const found = await nodes[1].sessions.findSession(session.id);
    assert.deepEqual(found, { ...session, revokedAt: NOW + verdicts.indexOf(true) });
    assert.deepEqual(await eventsAfter(nodes[0], before), [sessionRevoked(session)]);
  });

  test("all of a user's sessions end but the one kept, and nobody else's", async (open) => {
    const store = await open();
    const userId = sampleId();
    const [kept, first, second] = [
      await create(store, { userId }),
      await create(store, { userId }),
      await create(store, { userId, generation: 3 }),
    ];
    const stranger = await create(store);
    const early = await create(store, { userId });
    await store.sessions.revokeSession({ sessionId: early.id, at: NOW, reason: "signed_out" }, sessionRevoked(early));
    const before = await lastSequence(store);

    const count = await store.sessions.revokeUserSessions(
      { userId, exceptSessionId: kept.id, at: NOW + 3, reason: "signed_out_everywhere" },
      userSessionsRevoked(userId, kept.id),
    );

    assert.equal(count, 2);
    assert.deepEqual(await store.sessions.findSession(kept.id), kept);
    assert.deepEqual(await store.sessions.findSession(first.id), { ...first, revokedAt: NOW + 3 });
    assert.deepEqual(await store.sessions.findSession(second.id), { ...second, revokedAt: NOW + 3 });
    assert.deepEqual(await store.sessions.findSession(stranger.id), stranger);
    assert.deepEqual(await store.sessions.findSession(early.id), { ...early, revokedAt: NOW });
    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [kept]);
    assert.deepEqual(await eventsAfter(store, before), [userSessionsRevoked(userId, kept.id)]);
    assert.deepEqual(await endedAfter(store, before), [first.id, second.id].toSorted());
    assert.equal(await store.sessions.rotateSession(sampleRotation(first)), false);
    assert.equal(await store.sessions.rotateSession(sampleRotation(kept)), true);
  });

  test("all of a user's sessions end where none is kept, and the event is appended even where there was none", async (open) => {
    const store = await open();
    const userId = sampleId();
    const session = await create(store, { userId });
    const before = await lastSequence(store);
    const revokeAll = () =>
      store.sessions.revokeUserSessions(
        { userId, exceptSessionId: null, at: NOW, reason: "signed_out_everywhere" },
        userSessionsRevoked(userId, null),
      );

    assert.equal(await revokeAll(), 1);
    assert.equal(await revokeAll(), 0);

    assert.deepEqual(await store.sessions.findSession(session.id), { ...session, revokedAt: NOW });
    assert.deepEqual(await eventsAfter(store, before), [
      userSessionsRevoked(userId, null),
      userSessionsRevoked(userId, null),
    ]);
    assert.deepEqual(await endedAfter(store, before), [session.id]);
  });

  test("a user's sessions end while they rotate on another node, every one of them", async (open) => {
    const nodes = [await open(), await open()] as const;
    const userId = sampleId();
    const sessions = await Promise.all(Array.from({ length: 8 }, () => create(nodes[0], { userId })));
    const rotating = sessions.map(async (created) => {
      let session = created;
      for (let round = 0; round < 200; round++) {
        const rotation = sampleRotation(session);
        if (!(await nodes[0].sessions.rotateSession(rotation))) break;
        session = { ...session, ...rotation.next };
      }
      return session;
    });

    const counts = await Promise.all(
      nodes.map((node) =>
        node.sessions.revokeUserSessions(
          { userId, exceptSessionId: null, at: NOW, reason: "signed_out_everywhere" },
          userSessionsRevoked(userId, null),
        ),
      ),
    );
    const rotated = await Promise.all(rotating);

    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      8,
    );
    for (const session of rotated) {
      assert.deepEqual(await nodes[1].sessions.findSession(session.id), { ...session, revokedAt: NOW });
    }
  });
}
