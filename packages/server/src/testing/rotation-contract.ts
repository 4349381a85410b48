import assert from "node:assert/strict";

import type { Session } from "../domain/session.ts";
import type { SessionBackend } from "../ports/store.ts";
import { create, eventsAfter, lastSequence, NOW, rolledForward, sampleRotation, sampleSession } from "./samples.ts";
import { sessionRevoked } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeRotation(test: StoreTest<SessionBackend>): void {
  test("a rotation changes what it says, and nothing else", async (open) => {
    const store = await open();
    const session = await create(store, { jkt: "thumbprint" });
    const other = await create(store);
    const rotation = sampleRotation(session);

    assert.equal(await store.sessions.rotateSession(rotation), true);

    assert.deepEqual(await store.sessions.findSession(session.id), { ...session, ...rotation.next });
    assert.deepEqual(await store.sessions.findSession(other.id), other);
  });

  test("a rotation to the same generation and secret changes the times alone, for all who ask at once", async (open) => {
    const store = await open();
    const session = await create(store, { generation: 0 });
    const { generation, secretHash, attempts, attemptKeysUsed } = session;
    const next = {
      generation,
      secretHash,
      attempts,
      attemptKeysUsed,
      rotatedAt: session.rotatedAt + 60,
      idleExpiresAt: session.idleExpiresAt + 60,
    };

    const rotation = { sessionId: session.id, expected: { generation, secretHash }, next };
    const asked = await Promise.all([1, 2, 3].map(() => store.sessions.rotateSession(rotation)));

    assert.deepEqual(asked, [true, true, true]);
    assert.deepEqual(await store.sessions.findSession(session.id), { ...session, ...next });
  });

  test("a rotation that expects another generation or another secret loses, and changes nothing", async (open) => {
    const store = await open();
    const session = await create(store, { generation: 5 });
    const before = await lastSequence(store);
    const rotation = sampleRotation(session);
    const wrong = [
      { ...rotation.expected, generation: 4 },
      { ...rotation.expected, generation: 6 },
      { ...rotation.expected, secretHash: sampleSession().secretHash },
      { ...rotation.expected, secretHash: rotation.expected.secretHash.toLowerCase() },
      { ...rotation.expected, secretHash: "" },
    ];

    for (const expected of wrong) {
      assert.equal(await store.sessions.rotateSession({ ...rotation, expected }, rolledForward(session)), false);
    }

    assert.deepEqual(await store.sessions.findSession(session.id), session);
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("a session that does not exist does not rotate, and does not come to be", async (open) => {
    const store = await open();
    const session = sampleSession();

    assert.equal(await store.sessions.rotateSession(sampleRotation(session), rolledForward(session)), false);

    assert.equal(await store.sessions.findSession(session.id), undefined);
    assert.deepEqual(await eventsAfter(store, 0), []);
  });

  test("a rotation's event is appended if it took place, and only then", async (open) => {
    const store = await open();
    const session = await create(store);
    const before = await lastSequence(store);
    const rotation = sampleRotation(session);

    assert.equal(await store.sessions.rotateSession(rotation, rolledForward(session)), true);
    assert.equal(await store.sessions.rotateSession(rotation, rolledForward(session)), false);

    assert.deepEqual(await eventsAfter(store, before), [rolledForward(session)]);
  });

  test("a rotation may skip generations, as rolling forward does", async (open) => {
    const store = await open();
    const session = await create(store);
    const rotation = sampleRotation({ ...session, generation: 41 });

    const rotated = await store.sessions.rotateSession({
      ...rotation,
      expected: { generation: session.generation, secretHash: session.secretHash },
    });

    assert.equal(rotated, true);
    assert.equal((await store.sessions.findSession(session.id))?.generation, 42);
  });

  test("of 50 rotations of one token at once, on two nodes, one takes place", async (open) => {
    const nodes = [await open(), await open()] as const;
    const session = await create(nodes[0]);
    const before = await lastSequence(nodes[0]);
    const rotations = Array.from({ length: 50 }, () => sampleRotation(session));

    const verdicts = await Promise.all(
      rotations.map((rotation, index) =>
        nodes[index % 2 === 0 ? 0 : 1].sessions.rotateSession(rotation, rolledForward(session)),
      ),
    );

    const winners = rotations.filter((_, index) => verdicts[index] === true);
    assert.equal(winners.length, 1, `${winners.length} rotations of one token took place`);
    for (const node of nodes) {
      assert.deepEqual(await node.sessions.findSession(session.id), { ...session, ...winners[0]?.next });
    }
    assert.deepEqual(await eventsAfter(nodes[0], before), [rolledForward(session)]);
  });

  test("of rotations of one token at once that record nothing, one takes place, among those of other sessions too", async (open) => {
    const nodes = [await open(), await open()] as const;
    const sessions = await Promise.all(Array.from({ length: 8 }, () => create(nodes[0])));
    const rotations = Array.from({ length: 80 }, (_, index) => sampleRotation(sessions[index % 8] ?? sampleSession()));

    const verdicts = await Promise.all(
      rotations.map((rotation, index) =>
        nodes[Math.floor(index / 8) % 2 === 0 ? 0 : 1].sessions.rotateSession(rotation),
      ),
    );

    for (const session of sessions) {
      const winners = rotations.filter(
        (rotation, index) => rotation.sessionId === session.id && verdicts[index] === true,
      );
      assert.equal(winners.length, 1, `${winners.length} rotations of one token took place`);
      assert.deepEqual(await nodes[1].sessions.findSession(session.id), { ...session, ...winners[0]?.next });
    }
  });

  test("rotations of many sessions at once each get their own answer", async (open) => {
    const store = await open();
    const sessions = await Promise.all(Array.from({ length: 40 }, () => create(store)));
    const rotations = sessions.map(sampleRotation);
    const calls = rotations.flatMap((rotation) => [rotation, sampleRotation({ ...sampleSession(), ...rotation.next })]);

    const verdicts = await Promise.all(calls.map((rotation) => store.sessions.rotateSession(rotation)));

    assert.deepEqual(
      verdicts,
      calls.map((_, index) => index % 2 === 0),
    );
    for (const [index, session] of sessions.entries()) {
      assert.deepEqual(await store.sessions.findSession(session.id), { ...session, ...rotations[index]?.next });
    }
  });

  test("a rotation that says so changes device and place, in the same step; one that does not leaves them", async (open) => {
    const nodes = [await open(), await open()] as const;
    const [session, other, late] = [await create(nodes[0]), await create(nodes[0]), await create(nodes[0])];
    const seen = { device: "another\0 device", place: "JP" };
    const first = sampleRotation(session);

    const verdicts = await Promise.all([
      nodes[0].sessions.rotateSession({ ...first, seen }),
      nodes[0].sessions.rotateSession(sampleRotation(other)),
      nodes[0].sessions.rotateSession({
        ...sampleRotation(late),
        expected: { ...first.expected, generation: 9 },
        seen,
      }),
    ]);

    assert.deepEqual(verdicts, [true, true, false]);
    const rotated: Session = { ...session, ...first.next, ...seen };
    assert.deepEqual(await nodes[1].sessions.findSession(session.id), rotated);
    assert.equal((await nodes[1].sessions.findSession(other.id))?.device, other.device);
    assert.equal((await nodes[1].sessions.findSession(other.id))?.place, other.place);
    assert.deepEqual(await nodes[1].sessions.findSession(late.id), late);

    const second = sampleRotation(rotated);
    assert.equal(await nodes[1].sessions.rotateSession(second), true);
    assert.deepEqual(await nodes[0].sessions.findSession(session.id), { ...rotated, ...second.next });

    const third = { ...sampleRotation({ ...rotated, ...second.next }), seen: { device: "", place: "" } };
    assert.equal(await nodes[0].sessions.rotateSession(third, rolledForward(session)), true);
    const forgotten = { ...rotated, ...third.next, device: "", place: null };
    assert.deepEqual(await nodes[1].sessions.findSession(session.id), forgotten);
    assert.deepEqual(await nodes[1].sessions.listSessions(session.userId, NOW), [forgotten]);
  });

  test("a session rotates as often as it is asked to, one after the other", async (open) => {
    const store = await open();
    let session = await create(store);
    for (let round = 0; round < 100; round++) {
      const rotation = sampleRotation(session);
      assert.equal(await store.sessions.rotateSession(rotation), true);
      session = { ...session, ...rotation.next };
    }
    assert.deepEqual(await store.sessions.findSession(session.id), session);
  });

  test("what was rotated or revoked before a restart is so after it", async (open) => {
    const before = await open();
    const [rotated, revoked] = [await create(before), await create(before)];
    const rotation = sampleRotation(rotated);
    assert.equal(await before.sessions.rotateSession(rotation), true);
    const revocation = { sessionId: revoked.id, at: NOW, reason: "signed_out" } as const;
    assert.equal(await before.sessions.revokeSession(revocation, sessionRevoked(revoked)), true);
    await before.close();

    const after = await open();

    assert.equal(await after.sessions.rotateSession(sampleRotation(rotated)), false);
    assert.equal(await after.sessions.rotateSession(sampleRotation(revoked)), false);
    assert.deepEqual(await after.sessions.findSession(rotated.id), { ...rotated, ...rotation.next });
    assert.deepEqual(await after.sessions.findSession(revoked.id), { ...revoked, revokedAt: NOW });
  });

  test("a revoked session never rotates, and does not come back", async (open) => {
    const store = await open();
    const session = await create(store);
    await store.sessions.revokeSession(
      { sessionId: session.id, at: NOW, reason: "signed_out" },
      sessionRevoked(session),
    );
    const before = await lastSequence(store);

    assert.equal(await store.sessions.rotateSession(sampleRotation(session), rolledForward(session)), false);

    assert.deepEqual(await store.sessions.findSession(session.id), { ...session, revokedAt: NOW });
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("a session revoked while it rotates on another node stays as its revocation found it", async (open) => {
    const nodes = [await open(), await open()] as const;
    for (let round = 0; round < 10; round++) {
      const created = await create(nodes[0]);
      let session = created;
      let lost = 0;
      const rotating = (async () => {
        while (session.generation < 500 && lost === 0) {
          const rotation = sampleRotation(session);
          if (await nodes[0].sessions.rotateSession(rotation)) session = { ...session, ...rotation.next };
          else lost += 1;
        }
      })();
      await waitForRotations(() => session, round);
      const revoked = await nodes[1].sessions.revokeSession(
        { sessionId: created.id, at: NOW + 5, reason: "refresh_token_reuse" },
        sessionRevoked(created),
      );
      const found = await nodes[1].sessions.findSession(created.id);
      await rotating;

      assert.equal(revoked, true);
      assert.deepEqual(await nodes[0].sessions.findSession(created.id), found);
      assert.deepEqual(found, { ...session, revokedAt: NOW + 5 });
    }
  });
}

/** Lets some rotations pass, a few more each round, without ever waiting for ones that will not come. */
async function waitForRotations(current: () => Session, generation: number): Promise<void> {
  for (let turn = 0; turn < 10_000 && current().generation < generation; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
