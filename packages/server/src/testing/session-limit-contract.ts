import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";

import type { AuthEvent } from "../domain/event.ts";
import type { Session } from "../domain/session.ts";
import type { SessionBackend } from "../ports/store.ts";
import { AWKWARD_TEXTS, create, eventsAfter, lastSequence, NOW, sampleId, sampleRotation } from "./samples.ts";
import { sampleSession, sessionRevoked, signedIn } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeSessionLimit(test: StoreTest<SessionBackend>): void {
  test("a session past the limit ends the least recently created one, whatever was used last, and records it first", async (open) => {
    const store = await open();
    const userId = sampleId();
    const oldest = await create(store, { userId, createdAt: NOW - 30 });
    const middle = await create(store, { userId, createdAt: NOW - 20 });
    const young = await create(store, { userId, createdAt: NOW - 10 });
    const stranger = await create(store, { createdAt: NOW - 90 });
    const rotation = sampleRotation(oldest);
    assert.equal(await store.sessions.rotateSession(rotation), true);
    const before = await lastSequence(store);

    const begun = await begin(store, { userId }, 3);

    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun, young, middle]);
    assert.deepEqual(await store.sessions.findSession(oldest.id), { ...oldest, ...rotation.next, revokedAt: NOW });
    assert.deepEqual(await store.sessions.findSession(stranger.id), stranger);
    assert.deepEqual(await eventsAfter(store, before), [sessionRevoked(oldest, "session_limit"), signedIn(begun)]);
    assert.equal(await store.sessions.rotateSession(sampleRotation({ ...oldest, ...rotation.next })), false);
  });

  test("the last to go stays while there is another to end, whatever their order", async (open) => {
    const store = await open();
    const userId = sampleId();
    const oldest = await create(store, { userId, createdAt: NOW - 30 });
    const middle = await create(store, { userId, createdAt: NOW - 20 });
    const young = await create(store, { userId, createdAt: NOW - 10 });
    const before = await lastSequence(store);

    const begun = await begin(store, { userId }, 3, oldest.id);

    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun, young, oldest]);
    assert.deepEqual(await store.sessions.findSession(oldest.id), oldest);
    assert.deepEqual(await eventsAfter(store, before), [sessionRevoked(middle, "session_limit"), signedIn(begun)]);

    const next = await begin(store, { userId, createdAt: NOW + 1 }, 2, young.id);
    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [next, young]);
  });

  test("a session that is the last to go ends where there is room for the new one alone", async (open) => {
    const store = await open();
    const userId = sampleId();
    const only = await create(store, { userId, createdAt: NOW - 30 });
    const begun = await begin(store, { userId }, 1, only.id);
    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun]);
  });

  test("a last to go that has ended, or is another user's or nobody's, keeps none and brings none back", async (open) => {
    const store = await open();
    const userId = sampleId();
    const ended = await create(store, { userId, createdAt: NOW - 40 });
    await store.sessions.revokeSession(
      { sessionId: ended.id, at: NOW - 35, reason: "signed_out" },
      sessionRevoked(ended),
    );
    const stranger = await create(store, { createdAt: NOW - 90 });
    await create(store, { userId, createdAt: NOW - 30 });
    for (const lastToGoId of [ended.id, stranger.id, sampleId(), ""]) {
      const begun = await begin(store, { userId }, 1, lastToGoId);
      assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun]);
    }
    assert.deepEqual(await store.sessions.findSession(stranger.id), stranger);
  });

  test("sessions up to the limit end none, and without a limit there is none", async (open) => {
    const store = await open();
    const userId = sampleId();
    for (let count = 0; count < 3; count++) await begin(store, { userId }, 3);
    assert.equal((await store.sessions.listSessions(userId, NOW)).length, 3);
    for (let count = 0; count < 3; count++) await create(store, { userId });
    assert.equal((await store.sessions.listSessions(userId, NOW)).length, 6);
  });

  test("a limit that was lowered holds at once: all that are too many end, each with its event", async (open) => {
    const store = await open();
    const userId = sampleId();
    const sessions: Session[] = [];
    for (let age = 5; age > 0; age--) sessions.push(await create(store, { userId, createdAt: NOW - age }));
    const before = await lastSequence(store);

    const begun = await begin(store, { userId }, 2);

    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun, sessions[4]]);
    const ended = sessions.slice(0, 4).map((session) => sessionRevoked(session, "session_limit"));
    const events = await eventsAfter(store, before);
    assert.deepEqual(byId(events.slice(0, -1)), byId(ended));
    assert.deepEqual(events.at(-1), signedIn(begun));
  });

  test("a limit of one leaves the new session alone, even where the others seem younger", async (open) => {
    const store = await open();
    const userId = sampleId();
    await create(store, { userId, createdAt: NOW + 60 });
    const begun = await begin(store, { userId }, 1);
    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun]);
  });

  test("sessions that have ended or run out do not count, and are not ended again", async (open) => {
    const store = await open();
    const userId = sampleId();
    const revoked = await create(store, { userId, createdAt: NOW - 50 });
    await store.sessions.revokeSession(
      { sessionId: revoked.id, at: NOW - 40, reason: "signed_out" },
      sessionRevoked(revoked),
    );
    const idle = await create(store, { userId, createdAt: NOW - 50, idleExpiresAt: NOW });
    const expired = await create(store, { userId, createdAt: NOW - 50, expiresAt: NOW });
    const live = await create(store, { userId, createdAt: NOW - 60 });
    const before = await lastSequence(store);

    const begun = await begin(store, { userId }, 2);

    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun, live]);
    assert.deepEqual(await store.sessions.findSession(revoked.id), { ...revoked, revokedAt: NOW - 40 });
    assert.deepEqual(await store.sessions.findSession(idle.id), idle);
    assert.deepEqual(await store.sessions.findSession(expired.id), expired);
    assert.deepEqual(await eventsAfter(store, before), [signedIn(begun)]);
  });

  test("of sessions created in one second those at the end of the list end", async (open) => {
    const store = await open();
    const userId = sampleId();
    await Promise.all(Array.from({ length: 6 }, () => create(store, { userId, createdAt: NOW - 1 })));
    const listed = await store.sessions.listSessions(userId, NOW);

    const begun = await begin(store, { userId }, 4);

    assert.deepEqual(await store.sessions.listSessions(userId, NOW), [begun, ...listed.slice(0, 3)]);
  });

  test("of 20 sessions of a user begun at once, on two nodes, no more are ever left than the limit", async (open) => {
    const nodes = [await open(), await open()] as const;
    const watcher = await open();
    const userId = sampleId();
    for (let round = 0; round < 3; round++) await create(nodes[0], { userId, createdAt: NOW - 10 });
    const before = await lastSequence(watcher);
    let begun = false;
    const counts: number[] = [];
    const watching = (async () => {
      do {
        counts.push((await watcher.sessions.listSessions(userId, NOW)).length);
        // A store that answers at once leaves nobody else a turn.
        await setImmediate();
      } while (!begun);
    })();

    const sessions = await Promise.all(
      Array.from({ length: 20 }, (_, index) => begin(nodes[index % 2 === 0 ? 0 : 1], { userId }, 3)),
    );
    begun = true;
    await watching;

    const left = await watcher.sessions.listSessions(userId, NOW);
    assert.equal(left.length, 3);
    assert.ok(Math.max(...counts) <= 3, `seen meanwhile: ${Math.max(...counts)}`);
    const ids = new Set(sessions.map((session) => session.id));
    assert.ok(left.every((session) => ids.has(session.id)));
    // 23 sessions, 3 of which are left: each of the others was ended once, and that was recorded once.
    const ended = (await eventsAfter(watcher, before)).filter((event) => event.type === "session_revoked");
    assert.equal(ended.length, 20);
    assert.equal(new Set(ended.map((event) => event.sessionId)).size, 20);
    assert.ok(left.every((session) => ended.every((event) => event.sessionId !== session.id)));
  });

  test("sessions begin past the limit while the others rotate and end on another node, and none hangs", async (open) => {
    const nodes = [await open(), await open()] as const;
    const userId = sampleId();
    const old = await Promise.all(Array.from({ length: 8 }, () => create(nodes[0], { userId, createdAt: NOW - 9 })));
    const rotating = old.map(async (created) => {
      let session = created;
      for (let round = 0; round < 100; round++) {
        const rotation = sampleRotation(session);
        if (!(await nodes[1].sessions.rotateSession(rotation))) return;
        session = { ...session, ...rotation.next };
      }
    });
    const ending = old.map((session) =>
      nodes[1].sessions.revokeSession(
        { sessionId: session.id, at: NOW, reason: "signed_out" },
        sessionRevoked(session),
      ),
    );

    const begun = await Promise.all(Array.from({ length: 8 }, () => begin(nodes[0], { userId }, 8)));
    await Promise.all([...rotating, ...ending]);

    assert.deepEqual(
      (await nodes[1].sessions.listSessions(userId, NOW)).map((session) => session.id),
      begun.map((session) => session.id).toSorted((one, other) => (one < other ? -1 : 1)),
    );
  });

  test("a session that cannot begin ends no other", async (open) => {
    const store = await open();
    const userId = sampleId();
    const session = await create(store, { userId });
    const before = await lastSequence(store);

    await assert.rejects(store.sessions.createSession(session, signedIn(session), 1));

    assert.deepEqual(await store.sessions.findSession(session.id), session);
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("what is recorded of an ended session may hold any text", async (open) => {
    const store = await open();
    for (const text of AWKWARD_TEXTS) {
      const origin = { ip: text, userAgent: text };
      const old = await create(store);
      const before = await lastSequence(store);
      const begun = sampleSession({ userId: old.userId });
      await store.sessions.createSession(begun, { ...signedIn(begun), origin }, 1);
      assert.deepEqual(await eventsAfter(store, before), [
        { ...sessionRevoked(old, "session_limit"), origin },
        { ...signedIn(begun), origin },
      ]);
    }
  });
}

async function begin(
  store: SessionBackend,
  changes: Partial<Session>,
  ...[maxSessions, lastToGoId]: readonly [number, string?]
): Promise<Session> {
  const session = sampleSession(changes);
  await store.sessions.createSession(session, signedIn(session), maxSessions, lastToGoId);
  return session;
}

function byId(events: readonly AuthEvent[]): readonly AuthEvent[] {
  return events.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}
