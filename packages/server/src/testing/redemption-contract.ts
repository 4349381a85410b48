import assert from "node:assert/strict";

import type { Session } from "../domain/session.ts";
import type { SessionRedemption } from "../ports/session-store.ts";
import type { SessionBackend } from "../ports/store.ts";
import { create, eventsAfter, lastSequence, NOW, sampleRotation, sessionRevoked, signedIn } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeRedemption(test: StoreTest<SessionBackend>): void {
  test("a redemption moves the session on, binds it to the key, and records its event", async (open) => {
    const store = await open();
    const session = await create(store, { jkt: null });
    const other = await create(store, { jkt: null });
    const before = await lastSequence(store);
    const redemption = redemptionOf(session, "thumbprint");

    assert.equal(await store.sessions.redeemSession(redemption, signedIn(session)), true);

    const redeemed = { ...session, ...redemption.next, jkt: "thumbprint" };
    assert.deepEqual(await store.sessions.findSession(session.id), redeemed);
    assert.deepEqual(await store.sessions.findSession(other.id), other);
    assert.deepEqual(await eventsAfter(store, before), [signedIn(session)]);
  });

  test("a redeemed session stays bound however often it is rotated after", async (open) => {
    const store = await open();
    const session = await create(store, { jkt: null });
    const redemption = redemptionOf(session, "thumbprint");
    await store.sessions.redeemSession(redemption, signedIn(session));

    const rotation = sampleRotation({ ...session, ...redemption.next });
    const seen = { device: "another", place: "DE" };
    assert.equal(await store.sessions.rotateSession({ ...rotation, seen }), true);

    const expected = { ...session, ...rotation.next, ...seen, jkt: "thumbprint" };
    assert.deepEqual(await store.sessions.findSession(session.id), expected);
    assert.deepEqual(await store.sessions.listSessions(session.userId, NOW), [expected]);
  });

  test("a redemption that names no key leaves the session bound as it was, and writes what was seen", async (open) => {
    const store = await open();
    for (const jkt of ["thumbprint", null]) {
      const session = await create(store, { jkt });
      const seen = { device: "a server", place: "" };
      const redemption = { ...redemptionOf(session, null), seen };
      assert.equal(await store.sessions.redeemSession(redemption, signedIn(session)), true);
      const expected = { ...session, ...redemption.next, device: "a server", place: null };
      assert.deepEqual(await store.sessions.findSession(session.id), expected);
    }
  });

  test("a second redemption loses, and neither binds nor records anything", async (open) => {
    const store = await open();
    const session = await create(store, { jkt: null });
    const first = redemptionOf(session, "first");
    await store.sessions.redeemSession(first, signedIn(session));
    const before = await lastSequence(store);

    assert.equal(await store.sessions.redeemSession(redemptionOf(session, "second"), signedIn(session)), false);

    assert.deepEqual(await store.sessions.findSession(session.id), { ...session, ...first.next, jkt: "first" });
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("of fifty redemptions at once, over two nodes, one succeeds", async (open) => {
    const nodes = [await open(), await open()] as const;
    const session = await create(nodes[0], { jkt: null });
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        nodes[index % 2 === 0 ? 0 : 1].sessions.redeemSession(redemptionOf(session, `key ${index}`), signedIn(session)),
      ),
    );
    assert.equal(verdicts.filter(Boolean).length, 1);
    const found = await nodes[1].sessions.findSession(session.id);
    assert.equal(found?.jkt, `key ${verdicts.indexOf(true)}`);
  });

  test("a session that has ended is not redeemed", async (open) => {
    const store = await open();
    const session = await create(store, { jkt: null });
    const reason = "signed_out";
    await store.sessions.revokeSession({ sessionId: session.id, at: NOW, reason }, sessionRevoked(session));
    assert.equal(await store.sessions.redeemSession(redemptionOf(session, "key"), signedIn(session)), false);
    assert.equal((await store.sessions.findSession(session.id))?.revokedAt, NOW);
  });

  test("a redemption is still there after a restart", async (open) => {
    const before = await open();
    const session = await create(before, { jkt: null });
    const redemption = redemptionOf(session, "thumbprint");
    await before.sessions.redeemSession(redemption, signedIn(session));
    await before.close();

    const after = await open();
    assert.equal(await after.sessions.redeemSession(redemption, signedIn(session)), false);
    const found = await after.sessions.findSession(session.id);
    assert.deepEqual(found, { ...session, ...redemption.next, jkt: "thumbprint" });
  });
}

function redemptionOf(session: Session, jkt: string | null): SessionRedemption {
  return { ...sampleRotation(session), jkt };
}
