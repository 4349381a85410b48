import assert from "node:assert/strict";

import type { Account } from "../ports/account-store.ts";
import type { Store } from "../ports/store.ts";
import { eventsAfter, lastSequence, NOW, sampleAccount, sampleId, signUp, userEvent } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

/** What an administrator does to many accounts, or to one from without. */
export function describeManagedUsers(test: StoreTest<Store>): void {
  test("accounts are imported many at once, but for those whose id or e-mail address is there, and recorded", async (open) => {
    const store = await open();
    const known = await signUp(store);
    const before = await lastSequence(store);
    const [one, two, taken] = [
      sampleAccount({ roles: ["admin", 'a "quote"'], emailVerified: true, name: null }),
      sampleAccount({ disabledAt: NOW, name: '{null,"\\}' }),
      sampleAccount({ email: known.user.email }),
    ];
    const sameId = sampleAccount({ id: known.user.id });
    const imports = [one, taken, sameId, two].map((account) => ({
      ...account,
      event: userEvent("user_imported", account.user.id),
    }));

    assert.deepEqual(await store.accounts.importAccounts(imports), [true, false, false, true]);
    assert.deepEqual(await store.accounts.importAccounts(imports), [false, false, false, false]);
    assert.deepEqual(await store.accounts.importAccounts([]), []);

    for (const account of [known, one, two]) {
      assert.deepEqual(await store.accounts.findAccountByEmail(account.user.email), account);
    }
    const recorded = await eventsAfter(store, before);
    assert.deepEqual(
      new Set(recorded.map((event) => JSON.stringify(event))),
      new Set([one, two].map(({ user }) => JSON.stringify(userEvent("user_imported", user.id)))),
    );
    assert.equal(recorded.length, 2);
  });

  test("of the same accounts imported on two nodes at once each is made once", async (open) => {
    const nodes = [await open(), await open()] as const;
    const accounts = Array.from({ length: 200 }, () => sampleAccount());
    const imports = accounts.map((account) => ({ ...account, event: userEvent("user_imported", account.user.id) }));

    const verdicts = await Promise.all([
      nodes[0].accounts.importAccounts(imports),
      nodes[1].accounts.importAccounts(imports.toReversed()),
    ]);

    const [first, second] = [verdicts[0], verdicts[1].toReversed()];
    for (const [index, account] of accounts.entries()) {
      assert.notEqual(first[index], second[index]);
      assert.deepEqual(await nodes[0].accounts.findAccount(account.user.id), account);
    }
    assert.equal((await nodes[1].accounts.listUsers("", 1_000)).length, 200);
  });

  test("users are listed by their e-mail addresses, a page at a time, each once", async (open) => {
    const store = await open();
    const accounts: Account[] = [];
    for (let n = 0; n < 7; n++) accounts.push(await signUp(store));
    const listed = [];
    for (let after = ""; ;) {
      const page = await store.accounts.listUsers(after, 3);
      listed.push(...page);
      after = page.at(-1)?.email ?? "";
      if (page.length < 3) break;
    }
    const byEmail = (one: { email: string }, other: { email: string }): number => (one.email < other.email ? -1 : 1);
    assert.deepEqual(listed.toSorted(byEmail), accounts.map(({ user }) => user).toSorted(byEmail));
  });

  test("an account is disabled and enabled, each once, and recorded then", async (open) => {
    const store = await open();
    const account = await signUp(store);
    const userId = account.user.id;
    const before = await lastSequence(store);
    const set = (disabledAt: number | null, id = userId): Promise<boolean> =>
      store.accounts.setDisabled(
        { userId: id, disabledAt },
        userEvent(disabledAt === null ? "account_enabled" : "account_disabled", id),
      );

    assert.equal(await set(null), false);
    assert.equal(await set(NOW + 1), true);
    assert.equal(await set(NOW + 2), false);
    assert.deepEqual(await store.accounts.findUser(userId), { ...account.user, disabledAt: NOW + 1 });
    assert.equal(await set(null), true);
    assert.equal(await set(NOW, sampleId()), false);

    assert.deepEqual(await store.accounts.findUser(userId), account.user);
    assert.deepEqual(await eventsAfter(store, before), [
      userEvent("account_disabled", userId),
      userEvent("account_enabled", userId),
    ]);
  });
}
