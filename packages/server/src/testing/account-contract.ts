import assert from "node:assert/strict";

import type { AuthEvent } from "../domain/event.ts";
import type { Account, EmailChange } from "../ports/account-store.ts";
import type { Store } from "../ports/store.ts";
import { AWKWARD_TEXTS, create, eventsAfter, lastSequence, NOW, passwordChanged, sampleAccount } from "./samples.ts";
import { asAppended, endedAfter, sampleId, sampleRotation, signUp, userEvent } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeAccounts(test: StoreTest<Store>): void {
  test("an account is found by its id and by its e-mail address, and its user without the password hash", async (open) => {
    const store = await open();
    const account = await signUp(store, { roles: ["admin", "editor"], emailVerified: true, name: null });
    const disabled = await signUp(store, { disabledAt: NOW });

    for (const one of [account, disabled]) {
      assert.deepEqual(await store.accounts.findAccount(one.user.id), one);
      assert.deepEqual(await store.accounts.findAccountByEmail(one.user.email), one);
      assert.deepEqual(await store.accounts.findUser(one.user.id), one.user);
    }
    assert.deepEqual(await eventsAfter(store, 0), [
      userEvent("user_signed_up", account.user.id),
      userEvent("user_signed_up", disabled.user.id),
    ]);
  });

  test("an account that was never made is not found", async (open) => {
    const store = await open();
    const { user } = await signUp(store);
    for (const text of ["", sampleId(), "\0", `${user.id}\0`, `${user.email}\0`, "%", "x".repeat(100_000)]) {
      assert.equal(await store.accounts.findUser(text), undefined);
      assert.equal(await store.accounts.findAccount(text), undefined);
      assert.equal(await store.accounts.findAccountByEmail(text), undefined);
    }
  });

  test("a name and roles may be any text", async (open) => {
    const store = await open();
    for (const text of AWKWARD_TEXTS) {
      const account = await signUp(store, { name: text, roles: [text, "plain"] });
      assert.deepEqual(await store.accounts.findAccount(account.user.id), account);
    }
  });

  test("an e-mail address has one account: a second one changes nothing and is not recorded", async (open) => {
    const store = await open();
    const first = await signUp(store);
    const before = await lastSequence(store);
    const second = sampleAccount({ email: first.user.email });

    assert.equal(await store.accounts.createAccount(second, userEvent("user_signed_up", second.user.id)), false);

    assert.deepEqual(await store.accounts.findAccountByEmail(first.user.email), first);
    assert.equal(await store.accounts.findUser(second.user.id), undefined);
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("a sign-up with a taken address is recorded, where that is wanted, and that alone", async (open) => {
    const store = await open();
    const first = await signUp(store);
    const before = await lastSequence(store);
    const refused = { type: "sign_up_refused", userId: null, at: NOW, origin: { ip: null, userAgent: "\0" } } as const;
    const second = sampleAccount({ email: first.user.email });
    const third = sampleAccount();

    const event = (account: Account): AuthEvent => userEvent("user_signed_up", account.user.id);
    assert.equal(await store.accounts.createAccount(second, event(second), refused), false);
    assert.equal(await store.accounts.createAccount(third, event(third), refused), true);

    assert.deepEqual(await store.accounts.findAccountByEmail(first.user.email), first);
    assert.deepEqual(await store.accounts.findAccount(third.user.id), third);
    assert.deepEqual(await eventsAfter(store, before), [refused, event(third)]);
  });

  test("of 20 sign-ups with one e-mail address at once, on two nodes, one takes place", async (open) => {
    const nodes = [await open(), await open()] as const;
    const email = `${sampleId()}@example.com`;
    const accounts = Array.from({ length: 20 }, () => sampleAccount({ email }));

    const verdicts = await Promise.all(
      accounts.map((account, index) =>
        nodes[index % 2 === 0 ? 0 : 1].accounts.createAccount(account, userEvent("user_signed_up", account.user.id)),
      ),
    );

    const winners = accounts.filter((_, index) => verdicts[index] === true);
    assert.equal(winners.length, 1);
    assert.deepEqual(await nodes[1].accounts.findAccountByEmail(email), winners[0]);
    assert.deepEqual(await eventsAfter(nodes[0], 0), [userEvent("user_signed_up", winners[0]?.user.id ?? "")]);
  });

  test("a password changes, and every other session of the user ends, in one step", async (open) => {
    const store = await open();
    const account = await signUp(store);
    const userId = account.user.id;
    const [kept, ended] = [await create(store, { userId }), await create(store, { userId })];
    const stranger = await create(store);
    const before = await lastSequence(store);

    assert.equal(await changePassword(store, account, kept.id), true);

    assert.deepEqual(await store.accounts.findAccount(userId), { ...account, passwordHash: `new ${kept.id}` });
    assert.deepEqual(await store.sessions.findSession(kept.id), kept);
    assert.deepEqual(await store.sessions.findSession(ended.id), { ...ended, revokedAt: NOW });
    assert.deepEqual(await store.sessions.findSession(stranger.id), stranger);
    assert.deepEqual(await eventsAfter(store, before), [passwordChanged(userId, kept.id)]);
    assert.deepEqual(await endedAfter(store, before), [ended.id]);
    assert.equal(await store.sessions.rotateSession(sampleRotation(ended)), false);
  });

  test("a password that is no longer the checked one does not change, and no session ends", async (open) => {
    const store = await open();
    const account = await signUp(store);
    const session = await create(store, { userId: account.user.id });
    const before = await lastSequence(store);

    assert.equal(await changePassword(store, { ...account, passwordHash: "another" }, sampleId()), false);
    assert.equal(await changePassword(store, sampleAccount(), sampleId()), false);

    assert.deepEqual(await store.accounts.findAccount(account.user.id), account);
    assert.deepEqual(await store.sessions.findSession(session.id), session);
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("of 10 password changes at once, on two nodes, one takes place and its session alone is left", async (open) => {
    const nodes = [await open(), await open()] as const;
    const account = await signUp(nodes[0]);
    const userId = account.user.id;
    const sessions = await Promise.all(Array.from({ length: 10 }, () => create(nodes[0], { userId })));

    const verdicts = await Promise.all(
      sessions.map((session, index) => changePassword(nodes[index % 2 === 0 ? 0 : 1], account, session.id)),
    );

    const winners = sessions.filter((_, index) => verdicts[index] === true);
    assert.equal(winners.length, 1);
    assert.deepEqual(await nodes[1].sessions.listSessions(userId, NOW), winners);
    assert.equal((await nodes[1].accounts.findAccount(userId))?.passwordHash, `new ${winners[0]?.id}`);
  });

  test("of 30 checks of a password at once, on two nodes, no more are allowed than may fail in a row", async (open) => {
    const nodes = [await open(), await open()] as const;
    const account = await signUp(nodes[0]);
    const userId = account.user.id;
    const claim = (node: Store): Promise<boolean> => node.accounts.claimPasswordCheck(userId, 12);

    const verdicts = await Promise.all(Array.from({ length: 30 }, (_, index) => claim(nodes[index % 2 === 0 ? 0 : 1])));

    assert.equal(verdicts.filter(Boolean).length, 12);
    assert.equal(await claim(nodes[1]), false);
    assert.equal(await nodes[0].accounts.claimPasswordCheck(sampleId(), 12), false);
    await nodes[0].accounts.clearPasswordChecks(userId);
    assert.equal(await claim(nodes[1]), true);
  });

  test("a new password may be checked as often as any, whatever was counted for the old one", async (open) => {
    const store = await open();
    const account = await signUp(store);
    assert.equal(await store.accounts.claimPasswordCheck(account.user.id, 1), true);
    assert.equal(await store.accounts.claimPasswordCheck(account.user.id, 1), false);

    assert.equal(await changePassword(store, account, sampleId()), true);

    assert.equal(await store.accounts.claimPasswordCheck(account.user.id, 1), true);
  });

  test("the hash of a password is replaced by another of it, if it is as it was checked: no session ends, nothing is recorded", async (open) => {
    const store = await open();
    const account = await signUp(store);
    const userId = account.user.id;
    const session = await create(store, { userId });
    const before = await lastSequence(store);
    const upgrade = (expectedHash: string, id = userId): Promise<boolean> =>
      store.accounts.upgradePasswordHash({ userId: id, expectedHash, newHash: "a hash of today" });

    assert.equal(await upgrade("another"), false);
    assert.equal(await upgrade(account.passwordHash, sampleId()), false);
    assert.equal(await upgrade(account.passwordHash), true);
    assert.equal(await upgrade(account.passwordHash), false);

    assert.deepEqual(await store.accounts.findAccount(userId), { ...account, passwordHash: "a hash of today" });
    assert.deepEqual(await store.sessions.findSession(session.id), session);
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("of an upgrade of the hash and a change of the password at once, on two nodes, one takes place", async (open) => {
    const nodes = [await open(), await open()] as const;
    for (let round = 0; round < 10; round++) {
      const account = await signUp(nodes[0]);
      const userId = account.user.id;
      const [kept, other] = [await create(nodes[0], { userId }), await create(nodes[1], { userId })];

      const [upgraded, changed] = await Promise.all([
        nodes[0].accounts.upgradePasswordHash({ userId, expectedHash: account.passwordHash, newHash: "upgraded" }),
        changePassword(nodes[1], account, kept.id),
      ]);

      assert.notEqual(upgraded, changed);
      const hash = (await nodes[0].accounts.findAccount(userId))?.passwordHash;
      assert.equal(hash, upgraded ? "upgraded" : `new ${kept.id}`);
      assert.equal((await nodes[0].sessions.findSession(other.id))?.revokedAt, changed ? NOW : null);
    }
  });

  test("an upgrade of the hash that a change of the password has left undoes none of what the change ended", async (open) => {
    const nodes = [await open(), await open()] as const;
    const account = await signUp(nodes[0]);
    const userId = account.user.id;
    const [kept, ended] = [await create(nodes[0], { userId }), await create(nodes[1], { userId })];
    assert.equal(await changePassword(nodes[0], account, kept.id), true);
    const expectedHash = `new ${kept.id}`;

    assert.equal(await nodes[1].accounts.upgradePasswordHash({ userId, expectedHash, newHash: "upgraded" }), true);

    assert.equal((await nodes[1].sessions.findSession(ended.id))?.revokedAt, NOW);
    assert.deepEqual(await nodes[0].sessions.listSessions(userId, NOW), [kept]);
  });

  test("what was counted is cleared with an event where somebody says so, and where there is such an account", async (open) => {
    const store = await open();
    const { user } = await signUp(store);
    assert.equal(await store.accounts.claimPasswordCheck(user.id, 1), true);
    const before = await lastSequence(store);
    const event = { ...userEvent("email_verified", user.id), type: "password_unlocked", userId: user.id } as const;

    await store.accounts.clearPasswordChecks(sampleId(), event);
    assert.equal(await store.accounts.claimPasswordCheck(user.id, 1), false);
    await store.accounts.clearPasswordChecks(user.id, event);
    assert.equal(await store.accounts.claimPasswordCheck(user.id, 1), true);
    assert.deepEqual(await eventsAfter(store, before), [event]);
  });

  test("an address is verified once, if it is the account's, and recorded then", async (open) => {
    const store = await open();
    const account = await signUp(store, { emailVerified: false });
    const { id: userId, email } = account.user;
    const before = await lastSequence(store);
    const verify = (address: string, id = userId): Promise<boolean> =>
      store.accounts.verifyEmail({ userId: id, email: address }, userEvent("email_verified", userId));

    assert.equal(await verify("another@example.com"), false);
    assert.equal(await verify(email, sampleId()), false);
    assert.equal(await verify(email), true);
    assert.equal(await verify(email), false);

    assert.deepEqual(await store.accounts.findUser(userId), { ...account.user, emailVerified: true });
    assert.deepEqual(await eventsAfter(store, before), [userEvent("email_verified", userId)]);
  });

  test("an address changes where it and the password are as they were checked and nobody has the new one, and is recorded only then", async (open) => {
    const store = await open();
    const account = await signUp(store, { emailVerified: false });
    const other = await signUp(store);
    const { id: userId, email: expectedEmail } = account.user;
    const before = await lastSequence(store);
    const change = (changes: Partial<EmailChange> = {}): Promise<boolean> =>
      store.accounts.changeEmail(
        { userId, expectedEmail, expectedHash: account.passwordHash, newEmail: `new-${expectedEmail}`, ...changes },
        userEvent("email_changed", userId),
      );

    assert.equal(await change({ userId: sampleId() }), false);
    assert.equal(await change({ expectedEmail: other.user.email }), false);
    assert.equal(await change({ expectedHash: other.passwordHash }), false);
    assert.equal(await change({ newEmail: other.user.email }), false);
    assert.deepEqual(await store.accounts.findAccount(userId), account);
    assert.equal(await change(), true);
    assert.equal(await change(), false);

    const changed = { ...account, user: { ...account.user, email: `new-${expectedEmail}`, emailVerified: true } };
    assert.deepEqual(await store.accounts.findAccountByEmail(`new-${expectedEmail}`), changed);
    assert.equal(await store.accounts.findAccountByEmail(expectedEmail), undefined);
    assert.deepEqual(await store.accounts.findAccount(other.user.id), other);
    assert.deepEqual(await eventsAfter(store, before), [userEvent("email_changed", userId)]);
    await signUp(store, { email: expectedEmail });
  });

  test("of 10 accounts that change to one address at once, on two nodes, one gets it", async (open) => {
    const nodes = [await open(), await open()] as const;
    const accounts = await Promise.all(Array.from({ length: 10 }, () => signUp(nodes[0])));
    const newEmail = `${sampleId()}@example.com`;

    const verdicts = await Promise.all(
      accounts.map(({ user, passwordHash }, index) =>
        nodes[index % 2 === 0 ? 0 : 1].accounts.changeEmail(
          { userId: user.id, expectedEmail: user.email, expectedHash: passwordHash, newEmail },
          userEvent("email_changed", user.id),
        ),
      ),
    );

    const winners = accounts.filter((_, index) => verdicts[index] === true);
    assert.equal(winners.length, 1);
    assert.equal((await nodes[1].accounts.findAccountByEmail(newEmail))?.user.id, winners[0]?.user.id);
  });

  test("roles are set where there is such a user, which begins a claims epoch, and recorded only then", async (open) => {
    const store = await open();
    const account = await signUp(store, { roles: ["old"] });
    const userId = account.user.id;
    const before = await lastSequence(store);
    const stranger = sampleId();

    assert.equal(
      await store.accounts.setRoles({ userId, roles: ["b", "a", "b"] }, userEvent("roles_changed", userId)),
      true,
    );
    assert.equal(
      await store.accounts.setRoles({ userId: stranger, roles: [] }, userEvent("roles_changed", stranger)),
      false,
    );

    const changed = { ...account.user, roles: ["b", "a", "b"], claimsEpoch: 1 };
    assert.deepEqual(await store.accounts.findUser(userId), changed);
    const [recorded, ...others] = await store.events.listEvents(before, 10);
    assert.ok(recorded !== undefined);
    assert.deepEqual(asAppended(recorded), userEvent("roles_changed", userId));
    assert.equal(recorded.claimsEpoch, 1);
    assert.deepEqual(others, []);
  });

  test("20 changes of a user's roles at once, on two nodes, are 20 claims epochs", async (open) => {
    const nodes = [await open(), await open()] as const;
    const userId = (await signUp(nodes[0])).user.id;
    const before = await lastSequence(nodes[0]);

    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        nodes[index % 2 === 0 ? 0 : 1].accounts.setRoles(
          { userId, roles: [`role-${index}`] },
          userEvent("roles_changed", userId),
        ),
      ),
    );

    assert.equal((await nodes[1].accounts.findUser(userId))?.claimsEpoch, 20);
    assert.deepEqual(
      (await nodes[1].events.listEvents(before, 100)).map((event) => event.claimsEpoch),
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  });

  test("a claims epoch begins where there is such a user, changes nothing else, and is recorded only then", async (open) => {
    const nodes = [await open(), await open()] as const;
    const account = await signUp(nodes[0], { roles: ["kept"] });
    const userId = account.user.id;
    const before = await lastSequence(nodes[0]);
    const begin = (node: Store, id: string): Promise<boolean> =>
      node.accounts.beginClaimsEpoch(id, userEvent("claims_changed", id));

    const verdicts = await Promise.all(
      Array.from({ length: 10 }, (_, index) => begin(nodes[index % 2 === 0 ? 0 : 1], userId)),
    );
    assert.deepEqual(new Set(verdicts), new Set([true]));
    assert.equal(await begin(nodes[0], sampleId()), false);

    assert.deepEqual(await nodes[1].accounts.findAccount(userId), {
      ...account,
      user: { ...account.user, claimsEpoch: 10 },
    });
    assert.deepEqual(
      (await nodes[1].events.listEvents(before, 100)).map((event) => [event.type, event.claimsEpoch]),
      Array.from({ length: 10 }, (_, index) => ["claims_changed", index + 1]),
    );
  });

  test("an account is deleted once, if its password is the one that was checked; its sessions end with it, and its e-mail address is free again", async (open) => {
    const store = await open();
    const account = await signUp(store);
    const userId = account.user.id;
    const [session, stranger] = [await create(store, { userId }), await create(store)];
    const before = await lastSequence(store);

    const { passwordHash: expectedHash } = account;
    const deletion = async (hash: string): Promise<boolean> =>
      store.accounts.deleteAccount({ userId, expectedHash: hash }, userEvent("account_deleted", userId));
    assert.equal(await deletion("the hash of a password that was replaced"), false);
    assert.equal(await deletion(expectedHash), true);
    assert.equal(await deletion(expectedHash), false);

    assert.equal(await store.accounts.findAccount(userId), undefined);
    assert.equal(await store.accounts.findAccountByEmail(account.user.email), undefined);
    assert.deepEqual(await store.sessions.findSession(session.id), { ...session, revokedAt: NOW });
    assert.deepEqual(await store.sessions.findSession(stranger.id), stranger);
    assert.deepEqual(await eventsAfter(store, before), [userEvent("account_deleted", userId)]);
    assert.deepEqual(await endedAfter(store, before), [session.id]);
    await signUp(store, { email: account.user.email });
  });
}

function changePassword(store: Store, account: Account, keepSessionId: string): Promise<boolean> {
  const userId = account.user.id;
  return store.accounts.changePassword(
    { userId, expectedHash: account.passwordHash, newHash: `new ${keepSessionId}`, keepSessionId, at: NOW },
    passwordChanged(userId, keepSessionId),
  );
}
