import assert from "node:assert/strict";

import type { ApiToken, EndedApiToken } from "../domain/api-token.ts";
import type { AuthEvent } from "../domain/event.ts";
import type { Account } from "../ports/account-store.ts";
import type { ApiTokenCreationVerdict } from "../ports/api-token-store.ts";
import type { Store } from "../ports/store.ts";
import { AWKWARD_TEXTS, eventsAfter, lastSequence, NOW, passwordChanged, sampleAccount, sampleId } from "./samples.ts";
import { userEvent } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

const ORIGIN = { ip: "192.0.2.7", userAgent: "contract suite" };

export function describeApiTokens(test: StoreTest<Store>): void {
  test("one that was made is found and listed, newest first, and recorded; nobody else's is listed", async (open) => {
    const store = await open();
    const owner = await signUp(store);
    const stranger = await signUp(store);
    const older = sampleToken(owner);
    const newer = sampleToken(owner, { createdAt: NOW + 1, jkt: "a thumbprint" });
    const before = await lastSequence(store);

    assert.equal(await create(store, owner, older), "created");
    assert.equal(await create(store, owner, newer), "created");
    assert.equal(await create(store, stranger, sampleToken(stranger)), "created");

    assert.deepEqual(await store.apiTokens.findApiToken(older.id), older);
    assert.deepEqual(await store.apiTokens.listApiTokens(owner.user.id, NOW + 1), [newer, older]);
    assert.equal(await store.apiTokens.findApiToken(sampleId()), undefined);
    assert.deepEqual((await eventsAfter(store, before)).slice(0, 2), [created(older), created(newer)]);
  });

  test("its name may be any text", async (open) => {
    const store = await open();
    const owner = await signUp(store);
    for (const name of AWKWARD_TEXTS) {
      const token = sampleToken(owner, { name });
      await create(store, owner, token);
      assert.deepEqual(await store.apiTokens.findApiToken(token.id), token);
    }
  });

  test("however many are made at once, on two nodes, a user has no more live ones than the limit", async (open) => {
    const nodes = [await open(), await open()] as const;
    const owner = await signUp(nodes[0]);
    await create(nodes[0], owner, sampleToken(owner, { createdAt: NOW - 200, expiresAt: NOW - 100 }));
    const before = await lastSequence(nodes[0]);

    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, index) => create(nodes[index % 2 === 0 ? 0 : 1], owner, sampleToken(owner), 5)),
    );

    assert.equal(verdicts.filter((verdict) => verdict === "created").length, 5);
    assert.equal(verdicts.filter((verdict) => verdict === "too many").length, 15);
    const live = await nodes[1].apiTokens.listApiTokens(owner.user.id, NOW);
    assert.equal(live.length, 5);
    assert.equal((await eventsAfter(nodes[0], before)).length, 5);
    const [first] = live;
    assert.ok(first);
    await nodes[0].apiTokens.revokeApiToken({ id: first.id, at: NOW }, revoked(first));
    assert.equal(await create(nodes[1], owner, sampleToken(owner), 5), "created");
  });

  test("none is made for an account that is gone or disabled, or has another password by now", async (open) => {
    const store = await open();
    const owner = await signUp(store);
    const disabled = await signUp(store, { disabledAt: NOW });
    const before = await lastSequence(store);
    const token = sampleToken(owner);

    assert.equal(await create(store, { ...owner, passwordHash: "another" }, token), "refused");
    assert.equal(await create(store, disabled, sampleToken(disabled)), "refused");
    const nobody = sampleAccount();
    assert.equal(await create(store, nobody, sampleToken(nobody)), "refused");
    assert.equal(await store.apiTokens.findApiToken(token.id), undefined);
    assert.deepEqual(await eventsAfter(store, before), []);
  });

  test("of 20 revocations at once, on two nodes, one takes place and is recorded; the name is forgotten", async (open) => {
    const nodes = [await open(), await open()] as const;
    const owner = await signUp(nodes[0]);
    const token = sampleToken(owner);
    await create(nodes[0], owner, token);
    const before = await lastSequence(nodes[0]);

    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        nodes[index % 2 === 0 ? 0 : 1].apiTokens.revokeApiToken({ id: token.id, at: NOW + index }, revoked(token)),
      ),
    );

    assert.equal(verdicts.filter(Boolean).length, 1);
    const revokedAt = NOW + verdicts.indexOf(true);
    assert.deepEqual(await nodes[1].apiTokens.findApiToken(token.id), { ...token, name: "", revokedAt });
    assert.deepEqual(await nodes[1].apiTokens.listApiTokens(owner.user.id, NOW), []);
    assert.deepEqual(await eventsAfter(nodes[0], before), [revoked(token)]);
    const unknown = sampleToken(owner);
    assert.equal(await nodes[0].apiTokens.revokeApiToken({ id: unknown.id, at: NOW }, revoked(unknown)), false);
  });

  test("all of a user's live ones end at once, by name in the log, and nobody else's; the event is appended once", async (open) => {
    const store = await open();
    const [owner, stranger] = [await signUp(store), await signUp(store)];
    const [first, second, expired] = [
      sampleToken(owner),
      sampleToken(owner, { expiresAt: NOW + 5_000 }),
      sampleToken(owner, { createdAt: NOW - 200, expiresAt: NOW - 100 }),
    ];
    const other = sampleToken(stranger);
    for (const token of [first, second, expired]) await create(store, owner, token);
    await create(store, stranger, other);
    const before = await lastSequence(store);
    const revokeAll = () =>
      store.apiTokens.revokeUserApiTokens({ userId: owner.user.id, at: NOW }, allRevoked(owner.user.id));

    assert.equal(await revokeAll(), 2);
    assert.equal(await revokeAll(), 0);

    assert.deepEqual(await store.apiTokens.listApiTokens(owner.user.id, NOW), []);
    assert.deepEqual(await store.apiTokens.listApiTokens(stranger.user.id, NOW), [other]);
    assert.deepEqual(await eventsAfter(store, before), [allRevoked(owner.user.id)]);
    assert.deepEqual(await endedAfter(store, before), byId([first, second]));
  });

  test("disabling the account ends all of a user's, and enabling it brings none back", async (open) => {
    const store = await open();
    const owner = await signUp(store);
    const token = sampleToken(owner);
    await create(store, owner, token);
    const before = await lastSequence(store);
    const { id: userId } = owner.user;

    await store.accounts.setDisabled({ userId, disabledAt: NOW + 1 }, userEvent("account_disabled", userId));
    await store.accounts.setDisabled({ userId, disabledAt: null }, userEvent("account_enabled", userId));

    assert.deepEqual(await store.apiTokens.findApiToken(token.id), { ...token, name: "", revokedAt: NOW + 1 });
    assert.deepEqual(await endedAfter(store, before), byId([token]));
    assert.equal(await create(store, owner, sampleToken(owner)), "created");
  });

  test("a new password and the deletion of the account end all of a user's, and so they never come back", async (open) => {
    const store = await open();
    const [changing, leaving] = [await signUp(store), await signUp(store)];
    const [one, other] = [sampleToken(changing), sampleToken(leaving)];
    await create(store, changing, one);
    await create(store, leaving, other);
    const before = await lastSequence(store);

    await changePassword(store, changing, "new");
    await store.accounts.deleteAccount(
      { userId: leaving.user.id, expectedHash: leaving.passwordHash },
      userEvent("account_deleted", leaving.user.id),
    );

    for (const token of [one, other]) {
      assert.deepEqual(await store.apiTokens.findApiToken(token.id), { ...token, name: "", revokedAt: NOW });
    }
    assert.deepEqual(await endedAfter(store, before), byId([one, other]));
  });

  test("none is left over that was made while the password changed or the account was deleted, on another node", async (open) => {
    const nodes = [await open(), await open()] as const;
    for (let round = 0; round < 6; round++) {
      const owner = await signUp(nodes[0]);
      const before = await lastSequence(nodes[0]);
      const tokens = Array.from({ length: 8 }, () => sampleToken(owner));
      const end = (): Promise<boolean> =>
        round % 2 === 0
          ? changePassword(nodes[0], owner, `new ${round}`)
          : nodes[0].accounts.deleteAccount(
              { userId: owner.user.id, expectedHash: owner.passwordHash },
              userEvent("account_deleted", owner.user.id),
            );
      const making = tokens.map((token) => create(nodes[1], owner, token));
      const [ended, ...verdicts] = await Promise.all([end(), ...making]);

      assert.equal(ended, true);
      const made = tokens.filter((_, index) => verdicts[index] === "created");
      for (const { id } of made) assert.notEqual((await nodes[0].apiTokens.findApiToken(id))?.revokedAt, null);
      assert.deepEqual(await nodes[1].apiTokens.listApiTokens(owner.user.id, NOW), []);
      assert.deepEqual(await endedAfter(nodes[1], before), byId(made));
    }
  });

  test("those revoked are listed in pages until they would have expired", async (open) => {
    const store = await open();
    const owner = await signUp(store);
    const tokens = Array.from({ length: 7 }, (_, index) => sampleToken(owner, { expiresAt: NOW + 10 + index }));
    for (const token of tokens) await create(store, owner, token);
    for (const token of tokens.slice(1)) {
      await store.apiTokens.revokeApiToken({ id: token.id, at: NOW }, revoked(token));
    }

    const listed: EndedApiToken[] = [];
    for (;;) {
      const after = listed.at(-1)?.id ?? "";
      const page = await store.apiTokens.listRevokedApiTokens({ now: NOW + 11, after, limit: 2 });
      listed.push(...page);
      if (page.length < 2) break;
    }
    assert.deepEqual(listed, byId(tokens.slice(2)));
  });

  test("the last use only grows, and is noted for tokens of the named audiences alone", async (open) => {
    const nodes = [await open(), await open()] as const;
    const owner = await signUp(nodes[0]);
    const [token, foreign] = [sampleToken(owner), sampleToken(owner, { audience: "https://other.example.com" })];
    for (const one of [token, foreign]) await create(nodes[0], owner, one);
    const note = (at: number) =>
      nodes[1].apiTokens.noteApiTokenUses(
        [
          { id: token.id, at },
          { id: token.id, at: at - 50 },
          { id: foreign.id, at },
          { id: sampleId(), at },
        ],
        [token.audience, "https://third.example.com"],
      );

    await note(NOW + 100);
    await note(NOW + 60);

    assert.deepEqual(await nodes[0].apiTokens.findApiToken(token.id), { ...token, lastUsedAt: NOW + 100 });
    assert.deepEqual(await nodes[0].apiTokens.findApiToken(foreign.id), foreign);
    await nodes[0].apiTokens.noteApiTokenUses([], [token.audience]);
    await nodes[0].apiTokens.noteApiTokenUses([{ id: token.id, at: NOW + 999 }], []);
    assert.equal((await nodes[0].apiTokens.findApiToken(token.id))?.lastUsedAt, NOW + 100);
  });

  test("expired ones are forgotten, at most as many as asked, revoked or not; live ones stay", async (open) => {
    const store = await open();
    const owner = await signUp(store);
    const expired = Array.from({ length: 3 }, () => sampleToken(owner, { expiresAt: NOW + 10 }));
    const live = sampleToken(owner);
    for (const token of [...expired, live]) await create(store, owner, token);
    const [first] = expired;
    assert.ok(first);
    await store.apiTokens.revokeApiToken({ id: first.id, at: NOW }, revoked(first));

    assert.equal(await store.apiTokens.purgeApiTokens(NOW + 10, 100), 0);
    assert.equal(await store.apiTokens.purgeApiTokens(NOW + 11, 2), 2);
    assert.equal(await store.apiTokens.purgeApiTokens(NOW + 11, 100), 1);
    for (const { id } of expired) assert.equal(await store.apiTokens.findApiToken(id), undefined);
    assert.deepEqual(await store.apiTokens.findApiToken(live.id), live);
  });
}

async function signUp(store: Store, changes: Partial<Account["user"]> = {}): Promise<Account> {
  const account = sampleAccount(changes);
  assert.equal(await store.accounts.createAccount(account, userEvent("user_signed_up", account.user.id)), true);
  return account;
}

function sampleToken(owner: Account, changes: Partial<ApiToken> = {}): ApiToken {
  return {
    id: sampleId(),
    userId: owner.user.id,
    clientId: "first-party",
    name: "nightly backup",
    audience: "https://api.example.com",
    scope: "read write",
    jkt: null,
    createdAt: NOW,
    expiresAt: NOW + 90 * 86_400,
    lastUsedAt: null,
    revokedAt: null,
    ...changes,
  };
}

function create(store: Store, owner: Account, token: ApiToken, maxPerUser = 100): Promise<ApiTokenCreationVerdict> {
  return store.apiTokens.createApiToken({ token, expectedHash: owner.passwordHash, maxPerUser }, created(token));
}

function changePassword(store: Store, owner: Account, newHash: string): Promise<boolean> {
  const userId = owner.user.id;
  return store.accounts.changePassword(
    { userId, expectedHash: owner.passwordHash, newHash, keepSessionId: null, at: NOW },
    passwordChanged(userId, "none"),
  );
}

function created({ id, userId, expiresAt }: ApiToken): AuthEvent {
  return { type: "api_token_created", userId, tokenId: id, expiresAt, at: NOW, origin: ORIGIN };
}

function revoked({ id, userId, expiresAt }: ApiToken): AuthEvent {
  const reason = "revoked_by_user";
  return { type: "api_token_revoked", userId, tokenId: id, expiresAt, reason, at: NOW, origin: ORIGIN };
}

function allRevoked(userId: string): AuthEvent {
  return { type: "user_api_tokens_revoked", userId, reason: "revoked_by_user", at: NOW, origin: ORIGIN };
}

async function endedAfter(store: Store, after: number): Promise<readonly EndedApiToken[]> {
  const recorded = await store.events.listEvents(after, 10_000);
  return recorded.flatMap((event) => event.endedApiTokens ?? []).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function byId(tokens: readonly ApiToken[]): readonly EndedApiToken[] {
  return tokens.map(({ id, expiresAt }) => ({ id, expiresAt })).toSorted((one, other) => (one.id < other.id ? -1 : 1));
}
