import assert from "node:assert/strict";

import type { Account } from "../ports/account-store.ts";
import type { Store } from "../ports/store.ts";
import { AWKWARD_TEXTS, create, NOW, sampleAccount, sampleId, sampleRotation, sessionRevoked } from "./samples.ts";
import { userEvent } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeSessionsWithUsers(test: StoreTest<Store>): void {
  test("a session is found with its own user, as each is found alone", async (open) => {
    const store = await open();
    for (const changes of [{}, { name: null, roles: ["admin"], emailVerified: true }, { disabledAt: NOW }]) {
      const { user } = await signUp(store, changes);
      const session = await create(store, { userId: user.id, revokedAt: null });
      assert.deepEqual(await store.findSessionWithUser(session.id), { session, user });
    }
  });

  test("a session whose account is gone is found without a user", async (open) => {
    const store = await open();
    const orphan = await create(store);
    assert.deepEqual(await store.findSessionWithUser(orphan.id), { session: orphan, user: undefined });
  });

  test("a session that was never created is not found", async (open) => {
    const store = await open();
    const { user } = await signUp(store);
    const session = await create(store, { userId: user.id });
    for (const id of ["", sampleId(), `${session.id}\0`, user.id, session.id.slice(1), "x".repeat(100_000)]) {
      assert.equal(await store.findSessionWithUser(id), undefined);
    }
  });

  test("any text of a session and of its user comes back as it was", async (open) => {
    const store = await open();
    for (const text of AWKWARD_TEXTS) {
      const { user } = await signUp(store, { name: text, roles: [text] });
      const session = await create(store, { userId: user.id, device: text, scope: text, amr: [text] });
      assert.deepEqual(await store.findSessionWithUser(session.id), { session, user });
    }
  });

  test("many asked for at once each get their own answer, the same one asked for twice too", async (open) => {
    const store = await open();
    const found = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const { user } = await signUp(store);
        return { session: await create(store, { userId: user.id }), user };
      }),
    );
    const asked = [...found, ...found.toReversed()];
    const strangers = asked.map(() => sampleId());

    const answers = await Promise.all(
      asked.flatMap(({ session }, index) => [
        store.findSessionWithUser(session.id),
        store.findSessionWithUser(strangers[index] ?? ""),
      ]),
    );

    assert.deepEqual(
      answers,
      asked.flatMap((one) => [one, undefined]),
    );
  });

  test("what one node has answered, every node sees at once: rotations, revocations, roles", async (open) => {
    const [one, other] = [await open(), await open()];
    const { user } = await signUp(one);
    for (let round = 0; round < 20; round++) {
      const session = await create(one, { userId: user.id });
      const rotation = sampleRotation(session);
      assert.equal(await one.sessions.rotateSession(rotation), true);
      const rotated = { ...session, ...rotation.next };
      assert.deepEqual((await other.findSessionWithUser(session.id))?.session, rotated);

      const roles = [`round ${round}`];
      await other.accounts.setRoles({ userId: user.id, roles }, userEvent("roles_changed", user.id));
      assert.deepEqual((await one.findSessionWithUser(session.id))?.user, { ...user, roles, claimsEpoch: round + 1 });

      await other.sessions.revokeSession(
        { sessionId: session.id, at: NOW, reason: "signed_out" },
        sessionRevoked(session),
      );
      assert.deepEqual((await one.findSessionWithUser(session.id))?.session, { ...rotated, revokedAt: NOW });
    }
  });

  test("a closed store finds nothing, and says so", async (open) => {
    const store = await open();
    const session = await create(store);
    await store.close();
    await assert.rejects(store.findSessionWithUser(session.id));
  });
}

async function signUp(store: Store, changes: Partial<Account["user"]> = {}): Promise<Account> {
  const account = sampleAccount(changes);
  assert.equal(await store.accounts.createAccount(account, userEvent("user_signed_up", account.user.id)), true);
  return account;
}
