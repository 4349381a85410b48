import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import type { OwnUser, OwnUsers } from "../../src/index.ts";
import { createSqliteStore } from "../../src/index.ts";
import type { TestAuthority } from "../authority.ts";
import { cookieJar, expectRefusal, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { followFeed } from "../revocations/feed-reader.ts";
import { listed, made, make, WITH_API_TOKENS } from "./api-token-calls.ts";

const ADA: OwnUser = {
  id: "user|42",
  email: "ada@example.com",
  name: "Ada",
  roles: ["admin"],
  emailVerified: true,
  createdAt: 1_700_000_000,
};

/** A table of users that is not Latchkey's. */
function ownUsers() {
  const rows = new Map<string, OwnUser>([[ADA.id, ADA]]);
  let broken: (() => Promise<never>) | undefined;
  const users: OwnUsers = {
    async authenticate({ email, password }) {
      if (broken !== undefined) return broken();
      const found = [...rows.values()].find((row) => row.email === email);
      return password === PASSWORD ? found : undefined;
    },
    async findUser(id) {
      return broken === undefined ? rows.get(id) : broken();
    },
  };
  return {
    users,
    rows,
    breakWith: (fault: (() => Promise<never>) | undefined) => {
      broken = fault;
    },
  };
}

const login = (authority: TestAuthority, json: object = {}) =>
  authority.call("POST", "/auth/login", { json: { email: ADA.email, password: PASSWORD, ...json } });

async function liveSessions(authority: TestAuthority): Promise<readonly string[]> {
  const store = createSqliteStore({ path: authority.path });
  const sessions = await store.sessions.listSessions(ADA.id, authority.now());
  await store.close();
  return sessions.map(({ id }) => id);
}

describe("users that their operator keeps", () => {
  test("sign in, refresh, are listed and sign out as any other, with their own id and roles", async () => {
    const { users } = ownUsers();
    const authority = await startAuthority({ users });

    const session = granted(await login(authority));
    expect(session.user).toEqual({
      id: ADA.id,
      email: ADA.email,
      name: "Ada",
      email_verified: true,
      roles: ["admin"],
      created_at: "2023-11-14T22:13:20.000Z",
    });
    expect(claimsOf(session.access_token)).toMatchObject({ sub: ADA.id, roles: ["admin"] });

    const next = granted(await authority.refresh(session.refresh_token));
    const { body } = await authority.call("GET", "/auth/sessions", { token: next.access_token });
    expect(body).toMatchObject({ sessions: [{ id: session.session_id, current: true }] });
    const refreshToken = { json: { refresh_token: next.refresh_token } };
    expect((await authority.call("POST", "/auth/logout", refreshToken)).status).toBe(204);
    expectRefusal(await authority.refresh(next.refresh_token), 401, "session_ended");
  });

  test("are refused by one answer for a wrong password and an unknown address, and guesses are counted (H-01, H-05)", async () => {
    const { users } = ownUsers();
    const authority = await startAuthority({
      users,
      rateLimits: { failuresPerAccount: { points: 3, windowSeconds: 60 } },
    });

    const wrong = await login(authority, { password: "wrong" });
    const unknown = await login(authority, { email: "nobody@example.com" });
    expectRefusal(wrong, 401, "invalid_credentials");
    expect(unknown.body).toEqual(wrong.body);
    for (let guess = 0; guess < 2; guess++) await login(authority, { password: "wrong" });
    expectRefusal(await login(authority), 429, "rate_limited");
  });

  test("feel that they were disabled, removed or demoted at the next refresh (SE-05, C-12)", async () => {
    const { users, rows } = ownUsers();
    const authority = await startAuthority({ users });
    const session = granted(await login(authority));

    rows.set(ADA.id, { ...ADA, roles: [] });
    const demoted = granted(await authority.refresh(session.refresh_token));
    expect(claimsOf(demoted.access_token)["roles"]).toBeUndefined();

    rows.set(ADA.id, { ...ADA, disabled: true });
    expectRefusal(await authority.refresh(demoted.refresh_token), 401, "session_ended");
    expectRefusal(await authority.call("GET", "/auth/me", { token: demoted.access_token }), 401, "invalid_token");
    expectRefusal(await login(authority), 403, "account_disabled");

    rows.set(ADA.id, ADA);
    const again = granted(await authority.refresh(demoted.refresh_token));
    rows.delete(ADA.id);
    expectRefusal(await authority.refresh(again.refresh_token), 401, "session_ended");
  });

  test("who were disabled or removed are signed out for good, and on the feed, once their operator says so (SE-05, C-12)", async () => {
    const { users, rows } = ownUsers();
    const authority = await startAuthority({ users, revocationFeed: { access: "public" } });
    const feed = await followFeed(authority.server);
    for (const gone of [{ ...ADA, disabled: true }, undefined]) {
      rows.set(ADA.id, ADA);
      const session = granted(await login(authority));
      if (gone === undefined) rows.delete(ADA.id);
      else rows.set(ADA.id, gone);

      await authority.server.users.changed(ADA.id);

      rows.set(ADA.id, ADA);
      expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
      await feed.hears("session", session.session_id);
    }
  });

  test("with other rights begin a claims epoch when their operator says so, each time: older tokens are stale (C-12)", async () => {
    const { users, rows } = ownUsers();
    const authority = await startAuthority({ users, revocationFeed: { access: "public" } });
    const feed = await followFeed(authority.server);
    let session = granted(await login(authority));
    expect(claimsOf(session.access_token)["claims_epoch"]).toBeUndefined();
    for (const epoch of [1, 2, 3]) {
      rows.set(ADA.id, { ...ADA, roles: [`role-${epoch}`] });
      await authority.server.users.changed(ADA.id);
      session = granted(await authority.refresh(session.refresh_token));
      expect(claimsOf(session.access_token)).toMatchObject({ claims_epoch: epoch, roles: [`role-${epoch}`] });
      await vi.waitFor(() =>
        expect(feed.revocations).toContainEqual(expect.objectContaining({ kind: "claims", id: ADA.id, epoch })),
      );
    }
    expect(claimsOf(granted(await login(authority)).access_token)).toMatchObject({ claims_epoch: 3 });
  });

  test("are locked out by no sign-in that nobody could answer (OP-03, H-05)", async () => {
    const { users, breakWith } = ownUsers();
    const authority = await startAuthority({
      users,
      rateLimits: { failuresPerAccount: { points: 3, windowSeconds: 900 } },
    });
    breakWith(() => Promise.reject(new Error("the database is away")));
    for (let tries = 0; tries < 5; tries++) expectRefusal(await login(authority), 503, "unavailable");
    breakWith(undefined);

    for (let guess = 0; guess < 3; guess++) {
      expectRefusal(await login(authority, { password: "wrong" }), 401, "invalid_credentials");
    }
    expectRefusal(await login(authority), 429, "rate_limited");
  });

  test.each(["cookie", "session"])(
    "who cannot be asked for at the end of a sign-in keep the session that their browser has (OP-03, %s)",
    async (transport) => {
      const { users, breakWith } = ownUsers();
      let breaksNext = false;
      const authority = await startAuthority({
        users,
        hooks: {
          authorize: () => {
            if (breaksNext) breakWith(() => Promise.reject(new Error("the database is away")));
            return true;
          },
        },
      });
      const browser = cookieJar();
      const signIn = () =>
        authority.call("POST", "/auth/login", {
          json: { email: ADA.email, password: PASSWORD, transport },
          headers: { Origin: ISSUER, Cookie: browser.header() },
        });
      const first = await signIn();
      browser.take(first);
      const before = await liveSessions(authority);

      breaksNext = true;
      const refused = await signIn();
      expectRefusal(refused, 503, "unavailable");
      expect(refused.headers.getSetCookie()).toEqual([]);
      breaksNext = false;
      breakWith(undefined);

      expect(await liveSessions(authority)).toEqual(before);
      browser.take(await signIn());
      const after = await liveSessions(authority);
      expect(after).toHaveLength(1);
      expect(after).not.toEqual(before);
    },
  );

  test("are signed out everywhere by endSessions, and may sign in again", async () => {
    const { users } = ownUsers();
    const authority = await startAuthority({ users });
    const sessions = [granted(await login(authority)), granted(await login(authority))];

    expect(await authority.server.users.endSessions(ADA.id)).toBe(2);

    for (const { refresh_token } of sessions) {
      expectRefusal(await authority.refresh(refresh_token), 401, "session_ended");
    }
    granted(await login(authority));
  });

  test("who cannot be asked for are neither let in nor signed out, however the asking fails (OP-03, C-13)", async () => {
    const { users, rows, breakWith } = ownUsers();
    const authority = await startAuthority({ users, hooks: { timeoutSeconds: 0.05 } });
    const session = granted(await login(authority));
    const faults = [
      () => Promise.reject(new Error(`the query for ${PASSWORD} failed`)),
      () => new Promise<never>(() => undefined),
    ];
    for (const fault of faults) {
      breakWith(fault);
      expectRefusal(await login(authority), 503, "unavailable");
      expectRefusal(await authority.refresh(session.refresh_token), 503, "unavailable");
      expectRefusal(await authority.call("GET", "/auth/me", { token: session.access_token }), 503, "unavailable");
      await expect(authority.server.users.changed(ADA.id)).rejects.toThrow("The service cannot answer right now.");
    }
    breakWith(undefined);
    const malformed = [{ ...ADA, id: "another" }, { ...ADA, email: "a\r\nBcc: b" }, { ...ADA, roles: "admin" }, {}];
    for (const row of malformed) {
      rows.set(ADA.id, row as OwnUser);
      expectRefusal(await authority.refresh(session.refresh_token), 503, "unavailable");
    }
    rows.set(ADA.id, ADA);
    granted(await authority.refresh(session.refresh_token));
    expect(authority.logs.join("\n")).toContain("users.authenticate failed (Error)");
    const ofAuthenticate = authority.logs.filter((line) => line.includes("users.authenticate"));
    expect(ofAuthenticate.join("\n")).not.toContain(PASSWORD);
  });

  test("who are disabled while they sign in have no session afterwards (C-12)", async () => {
    const { users, rows } = ownUsers();
    let asked = 0;
    const findUser: OwnUsers["findUser"] = async (id) => {
      asked += 1;
      // The second time it is asked, the session has just begun.
      if (asked === 2) rows.set(ADA.id, { ...ADA, disabled: true });
      return rows.get(id);
    };
    const authority = await startAuthority({ users: { ...users, findUser } });

    expectRefusal(await login(authority), 401, "invalid_credentials");
    expect(await authority.server.users.endSessions(ADA.id)).toBe(0);
  });

  test("make API tokens, which end once their operator says that they are disabled or gone (SE-05, C-12)", async () => {
    const { users, rows } = ownUsers();
    const authority = await startAuthority({ ...WITH_API_TOKENS, users });
    const feed = await followFeed(authority.server);
    for (const gone of [{ ...ADA, disabled: true }, undefined]) {
      rows.set(ADA.id, ADA);
      const { api_token: token } = await made(authority, granted(await login(authority)));
      await authority.server.users.changed(ADA.id);
      expect(await listed(authority, granted(await login(authority)))).toEqual([token]);

      if (gone === undefined) rows.delete(ADA.id);
      else rows.set(ADA.id, gone);
      await authority.server.users.changed(ADA.id);

      await feed.hears("token", token.id);
      rows.set(ADA.id, ADA);
      expect(await listed(authority, granted(await login(authority)))).toEqual([]);
    }
  });

  test("keep their sessions where their operator ends their API tokens, and no others are ended", async () => {
    const { users, rows } = ownUsers();
    const EVE = { ...ADA, id: "user|43", email: "eve@example.com" };
    rows.set(EVE.id, EVE);
    const authority = await startAuthority({ ...WITH_API_TOKENS, users });
    const session = granted(await login(authority));
    const other = granted(await login(authority, { email: EVE.email }));
    for (const holder of [session, session, other]) await made(authority, holder);

    expect(await authority.server.users.endApiTokens(ADA.id)).toBe(2);

    expect(await listed(authority, session)).toEqual([]);
    expect(await listed(authority, other)).toHaveLength(1);
    expect(await authority.server.users.endApiTokens("nobody")).toBe(0);
  });

  test("have no API token that was being made while they were disabled (C-12)", async () => {
    const { users, rows } = ownUsers();
    let changed: Promise<void> | undefined;
    const folder = mkdtempSync(join(tmpdir(), "latchkey-own-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const store = createSqliteStore({ path: join(folder, "latchkey.db") });
    const authority = await startAuthority({
      ...WITH_API_TOKENS,
      users,
      store: {
        ...store,
        apiTokens: {
          ...store.apiTokens,
          async createApiToken(creation, event) {
            rows.set(ADA.id, { ...ADA, disabled: true });
            changed ??= authority.server.users.changed(ADA.id);
            await changed;
            return store.apiTokens.createApiToken(creation, event);
          },
        },
      },
    });
    const session = granted(await login(authority));

    expectRefusal(await make(authority, session), 401, "invalid_token");

    rows.set(ADA.id, ADA);
    expect(await listed(authority, granted(await login(authority)))).toEqual([]);
  });

  test("have no accounts here: what makes, changes or removes one is not there", async () => {
    const { users } = ownUsers();
    const authority = await startAuthority({ users });
    const { access_token: token } = granted(await login(authority));
    const calls = [
      "/auth/signup",
      "/auth/password",
      "/auth/password/forgot",
      "/auth/password/reset",
      "/auth/email/verify",
    ];
    for (const path of calls) expectRefusal(await authority.call("POST", path, { json: {}, token }), 404, "not_found");
    expectRefusal(await authority.call("DELETE", "/auth/me", { json: {}, token }), 405, "method_not_allowed");
    expect((await authority.call("GET", "/auth/me", { token })).status).toBe(200);
  });
});

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}
