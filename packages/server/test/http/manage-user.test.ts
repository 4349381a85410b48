import { describe, expect, it } from "vitest";

import { createSqliteStore, deleteUser, disableUser, enableUser } from "../../src/index.ts";
import type { Store } from "../../src/index.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, PASSWORD, startAuthority } from "../authority.ts";
import { followFeed } from "../revocations/feed-reader.ts";

const EMAIL = "ada@example.com";

/** As an administrator's command line does: another process's store, beside the running authority. */
async function manage<Result>(
  authority: TestAuthority,
  work: (context: { readonly store: Store; readonly clock: () => number }) => Promise<Result>,
): Promise<Result> {
  const store = createSqliteStore({ path: authority.path });
  try {
    return await work({ store, clock: authority.now });
  } finally {
    await store.close();
  }
}

const login = (authority: TestAuthority) =>
  authority.call("POST", "/auth/login", { json: { email: EMAIL, password: PASSWORD } });

describe("an account that an administrator disables", () => {
  it("SE-05 C-12: is signed in to no more, is not refreshed, and its sessions are over on the feed at once", async () => {
    const authority = await startAuthority({ revocationFeed: { access: "public" } });
    const session = await authority.signedIn();
    const feed = await followFeed(authority.server);

    expect(await manage(authority, (context) => disableUser(context, "Ada@Example.com"))).toBe(true);

    await feed.hears("session", session.session_id);
    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
    expectRefusal(await login(authority), 403, "account_disabled");
    expectRefusal(
      await authority.call("POST", "/auth/login", { json: { email: EMAIL, password: "a wrong password entirely" } }),
      401,
      "invalid_credentials",
    );
    expectRefusal(await authority.call("GET", "/auth/me", { token: session.access_token }), 401, "invalid_token");
  });

  it("is signed in to again once it is enabled, by nobody's old session", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    await manage(authority, (context) => disableUser(context, EMAIL));

    expect(await manage(authority, (context) => enableUser(context, EMAIL))).toBe(true);

    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
    expect((await login(authority)).status).toBe(200);
  });

  it("ends what is left where it is asked again", async () => {
    const authority = await startAuthority({ revocationFeed: { access: "public" } });
    const session = await authority.signedIn();
    // As if the first time had died between its two steps.
    await manage(authority, ({ store, clock }) =>
      store.accounts.setDisabled(
        { userId: session.user.id, disabledAt: clock() },
        { type: "account_disabled", userId: session.user.id, at: clock(), origin: { ip: null, userAgent: null } },
      ),
    );
    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");

    expect(await manage(authority, (context) => disableUser(context, EMAIL))).toBe(true);

    await (await followFeed(authority.server)).hears("session", session.session_id);
  });

  it("RT-09: while somebody signs in, leaves no session behind", async () => {
    const authority = await startAuthority();
    await authority.signedIn();
    for (let round = 0; round < 5; round++) {
      const [answers] = await Promise.all([
        Promise.all([login(authority), login(authority), login(authority)]),
        manage(authority, (context) => disableUser(context, EMAIL)),
      ]);
      await manage(authority, (context) => enableUser(context, EMAIL));
      for (const { status, body } of answers.filter((answer) => answer.status === 200)) {
        expect(status).toBe(200);
        expectRefusal(await authority.refresh((body as { refresh_token: string }).refresh_token), 401, "session_ended");
      }
    }
  });
});

describe("an account that an administrator deletes", () => {
  it("C-12: is gone, with its sessions, and no one else's", async () => {
    const authority = await startAuthority({ revocationFeed: { access: "public" } });
    const [session, other] = [await authority.signedIn(), await authority.signedIn({ email: "bob@example.com" })];
    const feed = await followFeed(authority.server);

    expect(await manage(authority, (context) => deleteUser(context, EMAIL))).toBe(true);
    expect(await manage(authority, (context) => deleteUser(context, EMAIL))).toBe(false);

    await feed.hears("subject", session.user.id);
    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
    expectRefusal(await login(authority), 401, "invalid_credentials");
    expect((await authority.refresh(other.refresh_token)).status).toBe(200);
  });
});

describe("an address without an account", () => {
  it.each([disableUser, enableUser, deleteUser])("is told apart: $name", async (verb) => {
    const authority = await startAuthority();
    expect(await manage(authority, (context) => verb(context, "nobody@example.com"))).toBe(false);
  });
});
