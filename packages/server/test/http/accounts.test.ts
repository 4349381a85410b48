import { describe, expect, it } from "vitest";

import { createArgon2Hasher } from "../../src/index.ts";
import { cookieJar, expectRefusal, freshKey, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";

const OTHER_PASSWORD = "a longer phrase than the last one";
const CONTEXT = "Do not build it from your name, your e-mail address or the name of this service.";

describe("POST /auth/signup", () => {
  it("answers the new user and nothing secret", async () => {
    const authority = await startAuthority();
    const { status, body } = await authority.call("POST", "/auth/signup", {
      json: { email: "Ada@Example.com", password: PASSWORD, name: "Ada" },
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      user: {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        email: "ada@example.com",
        name: "Ada",
        email_verified: false,
        roles: [],
        created_at: "2027-01-15T08:00:00.000Z",
      },
    });
  });

  it("PW-05 H-01: answers alike for an address that has an account, and changes nothing there", async () => {
    const authority = await startAuthority();
    const sign = async (password: string) =>
      authority.call("POST", "/auth/signup", { json: { email: "ada@example.com", password } });
    const [first, second] = [await sign(PASSWORD), await sign(OTHER_PASSWORD)];
    const shape = (body: unknown): string => JSON.stringify(body).replace(/"id":"[^"]+"/, '"id":"…"');
    expect(second.status).toBe(first.status);
    expect(shape(second.body)).toBe(shape(first.body));
    const login = async (password: string) =>
      authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password } });
    expect((await login(PASSWORD)).status).toBe(200);
    expectRefusal(await login(OTHER_PASSWORD), 401, "invalid_credentials");
  });

  it("tells of a taken address only where the operator chose so", async () => {
    const authority = await startAuthority({ revealEmailTaken: true });
    await authority.signedIn();
    const again = await authority.call("POST", "/auth/signup", {
      json: { email: "ADA@example.com", password: PASSWORD },
    });
    expectRefusal(again, 409, "email_taken");
  });

  it.each([
    ["14 characters", "fourteen chars", ["Use at least 15 characters."]],
    ["14 emoji, which are many bytes", "🦊".repeat(13) + "é", ["Use at least 15 characters."]],
    ["one character over and over", "aaaaaaaaaaaaaaaaaaaa", ["Do not repeat the same few characters."]],
    ["the e-mail address", "ada.lovelace@example.com", [CONTEXT]],
    ["2,000 characters", "long enough ".repeat(167), ["Use at most 1024 characters."]],
  ])("PW-01: refuses a weak password and says why: %s", async (_what, password, reasons) => {
    const authority = await startAuthority();
    const answer = await authority.call("POST", "/auth/signup", {
      json: { email: "ada.lovelace@example.com", password },
    });
    expectRefusal(answer, 400, "weak_password");
    expect(answer.body).toMatchObject({ reasons });
  });

  it("H-06: a password is the same however a keyboard composes it, and is never cut", async () => {
    const authority = await startAuthority();
    const composed = `caf\u00e9 ${"x".repeat(80)} end`;
    const sign = { email: "ada@example.com", password: composed };
    await authority.call("POST", "/auth/signup", { json: sign });
    const login = async (password: string) =>
      (await authority.call("POST", "/auth/login", { json: { ...sign, password } })).status;
    expect(await login(composed.normalize("NFD"))).toBe(200);
    expect(await login(`caf\u00e9 ${"x".repeat(80)} enD`)).toBe(401);
  });

  it.each([
    "not an address",
    "a@b",
    "a@example.com, b@example.com",
    '"a b"@example.com',
    "Ada <ada@example.com>",
    "ada@example.com\n",
  ])("H-07: refuses %j as an e-mail address", async (email) => {
    const authority = await startAuthority();
    expectRefusal(
      await authority.call("POST", "/auth/signup", { json: { email, password: PASSWORD } }),
      400,
      "invalid_request",
    );
  });

  it("H-10: refuses fields that are not for the user to set", async () => {
    const authority = await startAuthority();
    const json = { email: "ada@example.com", password: PASSWORD, roles: ["admin"] };
    expectRefusal(await authority.call("POST", "/auth/signup", { json }), 400, "invalid_request");
  });
});

describe("POST /auth/login", () => {
  it("answers a session: tokens, lifetimes, user", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    expect(session).toEqual({
      access_token: expect.stringMatching(/^ey/),
      token_type: "Bearer",
      expires_in: 600,
      scope: "",
      session_id: expect.stringMatching(/^[\w-]{22}$/),
      user: expect.objectContaining({ email: "ada@example.com" }),
      refresh_token: expect.stringMatching(/^ey/),
      refresh_token_timeout: 7 * 86_400,
      authorization_expires_in: 30 * 86_400,
    });
  });

  it("answers alike for a wrong password and an unknown address", async () => {
    const authority = await startAuthority();
    await authority.signedIn();
    const attempt = async (email: string) =>
      authority.call("POST", "/auth/login", { json: { email, password: "a wrong password entirely" } });
    const [wrong, unknown] = [await attempt("ada@example.com"), await attempt("nobody@example.com")];
    expectRefusal(wrong, 401, "invalid_credentials");
    expect(unknown.body).toEqual(wrong.body);
    expect(Object.fromEntries(unknown.headers)).toEqual(Object.fromEntries(wrong.headers));
  });

  it("PW-05 H-01: an unknown address costs the work of a wrong password, and a taken one that of a new one", async () => {
    const hasher = createArgon2Hasher();
    const work: string[] = [];
    const authority = await startAuthority({
      passwordHasher: {
        hash: async (password) => (work.push("hash"), hasher.hash(password)),
        verify: async (password, hash) => (work.push("verify"), hasher.verify(password, hash)),
        verifyNothing: async (password) => (work.push("verify"), hasher.verifyNothing(password)),
      },
    });
    const workOf = async (path: string, email: string): Promise<string[]> => {
      await authority.call("POST", path, { json: { email, password: "a wrong password entirely" } });
      return work.splice(0);
    };
    await authority.signedIn();
    work.length = 0;
    expect(await workOf("/auth/login", "ada@example.com")).toEqual(["verify"]);
    expect(await workOf("/auth/login", "nobody@example.com")).toEqual(["verify"]);
    expect(await workOf("/auth/signup", "ada@example.com")).toEqual(["hash"]);
    expect(await workOf("/auth/signup", "grace@example.com")).toEqual(["hash"]);
  });

  it("grants the scopes asked for, or the default, and refuses others", async () => {
    const authority = await startAuthority({ scopes: { allowed: ["read:a", "read:b"], default: ["read:a"] } });
    expect((await authority.signedIn()).scope).toBe("read:a");
    expect((await authority.signedIn({ login: { scope: "read:b read:a" } })).scope).toBe("read:a read:b");
    const json = { email: "ada@example.com", password: PASSWORD, scope: "read:a latchkey:admin" };
    expectRefusal(await authority.call("POST", "/auth/login", { json }), 400, "invalid_request");
  });

  it.each([
    ["audience", "https://other.example"],
    ["client_id", "somebody-else"],
  ])("refuses an unknown %s by name", async (field, value) => {
    const authority = await startAuthority();
    await authority.signedIn();
    const json = { email: "ada@example.com", password: PASSWORD, [field]: value };
    const answer = await authority.call("POST", "/auth/login", { json });
    expectRefusal(answer, 400, "invalid_request");
    expect(answer.body).toMatchObject({ error_description: expect.stringContaining(field) });
  });
});

describe("GET /auth/me", () => {
  it("tells who the access token belongs to", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    const { status, body } = await authority.call("GET", "/auth/me", {
      token: session.access_token,
      headers: { "User-Agent": "a browser" },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      user: session.user,
      session: { id: session.session_id, current: true, ip: "203.0.113.9" },
    });
  });

  it("RS-01: takes the scheme in any case, and exactly one token", async () => {
    const authority = await startAuthority();
    const { access_token } = await authority.signedIn();
    const me = async (Authorization: string) => authority.call("GET", "/auth/me", { headers: { Authorization } });
    expect((await me(`bearer ${access_token}`)).status).toBe(200);
    expect((await me(`BEARER ${access_token}`)).status).toBe(200);
    expectRefusal(await me(`Bearer ${access_token} ${access_token}`), 400, "invalid_request");
  });

  it("RS-03: challenges as RFC 6750 has it", async () => {
    const authority = await startAuthority();
    const { access_token, refresh_token } = await authority.signedIn();
    const missing = await authority.call("GET", "/auth/me");
    expectRefusal(missing, 401, "missing_token");
    expect(missing.headers.get("www-authenticate")).toMatch(/^Bearer, DPoP algs="[^"]+"$/);

    for (const token of ["garbage", refresh_token, `${access_token.slice(0, -4)}AAAA`]) {
      const refused = await authority.call("GET", "/auth/me", { token });
      expectRefusal(refused, 401, "invalid_token");
      expect(refused.headers.get("www-authenticate")).toBe(
        'Bearer error="invalid_token", error_description="invalid_token"',
      );
    }

    authority.advance(700);
    const expired = await authority.call("GET", "/auth/me", { token: access_token });
    expectRefusal(expired, 401, "expired_token");
    expect(expired.headers.get("www-authenticate")).toBe(
      'Bearer error="invalid_token", error_description="expired_token"',
    );
  });

  it("RS-02 BR-09: does not look at tokens in the query", async () => {
    const authority = await startAuthority();
    const { access_token } = await authority.signedIn();
    expectRefusal(await authority.call("GET", `/auth/me?access_token=${access_token}`), 401, "missing_token");
  });
});

describe("sessions", () => {
  it("are listed, newest first, and marked which is this one", async () => {
    const authority = await startAuthority();
    const first = await authority.signedIn();
    authority.advance(10);
    const second = await authority.signedIn();
    const { body } = await authority.call("GET", "/auth/sessions", { token: first.access_token });
    expect(body).toMatchObject({
      sessions: [
        { id: second.session_id, current: false, client_id: "first-party" },
        { id: first.session_id, current: true },
      ],
    });
  });

  it("SE-04: are listed with device, address and last use, which is the last refresh", async () => {
    const authority = await startAuthority();
    const login = { email: "ada@example.com", password: PASSWORD };
    await authority.call("POST", "/auth/signup", { json: login });
    const headers = { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" };
    const session = granted(await authority.call("POST", "/auth/login", { json: login, headers }));
    authority.advance(3_600);
    const next = granted(await authority.refresh(session.refresh_token));
    authority.advance(60);
    const { body } = await authority.call("GET", "/auth/sessions", { token: next.access_token });
    expect(body).toStrictEqual({
      sessions: [
        {
          id: session.session_id,
          current: true,
          device: headers["User-Agent"],
          device_name: "Firefox on Linux",
          place: null,
          ip: "203.0.113.9",
          created_at: "2027-01-15T08:00:00.000Z",
          last_seen_at: "2027-01-15T09:00:00.000Z",
          expires_at: "2027-02-14T08:00:00.000Z",
          client_id: "first-party",
        },
      ],
    });
  });

  it("are limited in number: a sign-in past the limit ends the least recently begun, whose client is told so", async () => {
    const authority = await startAuthority({ maxSessionsPerUser: 2 });
    const first = await authority.signedIn();
    authority.advance(10);
    const second = await authority.signedIn();
    authority.advance(10);
    const refreshed = granted(await authority.refresh(first.refresh_token));
    const third = await authority.signedIn();

    expectRefusal(await authority.refresh(refreshed.refresh_token), 401, "session_ended");
    expectRefusal(await authority.call("GET", "/auth/me", { token: refreshed.access_token }), 401, "invalid_token");
    granted(await authority.refresh(second.refresh_token));
    const { body } = await authority.call("GET", "/auth/sessions", { token: third.access_token });
    expect(body).toMatchObject({ sessions: [{ id: third.session_id }, { id: second.session_id }] });
  });

  it("of others do not end where a browser at the limit signs in anew: the new one takes its own old one's place", async () => {
    const authority = await startAuthority({ maxSessionsPerUser: 2 });
    const elsewhere = await authority.signedIn();
    authority.advance(10);
    const { take, header } = cookieJar();
    const signIn = async () =>
      take(
        await authority.call("POST", "/auth/login", {
          json: { email: "ada@example.com", password: PASSWORD },
          headers: { Origin: ISSUER, Cookie: header() },
        }),
      );
    await signIn();
    authority.advance(10);
    await signIn();

    const { access_token: token } = granted(await authority.refresh(elsewhere.refresh_token));
    const { body } = await authority.call("GET", "/auth/sessions", { token });
    expect((body as { sessions: unknown[] }).sessions).toHaveLength(2);
  });

  it("SE-04: are ended one by one, by their owner alone", async () => {
    const authority = await startAuthority();
    const [mine, other] = [await authority.signedIn(), await authority.signedIn()];
    const stranger = await authority.signedIn({ email: "mallory@example.com" });
    const end = async (token: string, id: string) => authority.call("DELETE", `/auth/sessions/${id}`, { token });
    expectRefusal(await end(stranger.access_token, mine.session_id), 404, "not_found");
    expectRefusal(await end(mine.access_token, "no-such-session"), 404, "not_found");
    expect((await end(mine.access_token, other.session_id)).status).toBe(204);
    expectRefusal(await authority.refresh(other.refresh_token), 401, "session_ended");
    expectRefusal(await authority.call("GET", "/auth/me", { token: other.access_token }), 401, "invalid_token");
    granted(await authority.refresh(mine.refresh_token));
  });

  it("LO-05: end with sign-out, whatever generation its token is of, and for good", async () => {
    const authority = await startAuthority();
    const first = await authority.signedIn();
    const second = granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": freshKey() }));
    const out = async () => authority.call("POST", "/auth/logout", { json: { refresh_token: first.refresh_token } });
    expect((await out()).status).toBe(204);
    expect((await out()).status).toBe(204);
    expectRefusal(await authority.refresh(second.refresh_token), 401, "session_ended");
    expect((await authority.call("POST", "/auth/logout", { json: { refresh_token: "garbage" } })).status).toBe(204);
  });

  it("all end with sign-out everywhere", async () => {
    const authority = await startAuthority();
    const [a, b] = [await authority.signedIn(), await authority.signedIn()];
    expect((await authority.call("POST", "/auth/logout-all", { token: a.access_token })).status).toBe(204);
    for (const session of [a, b]) expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
  });
});

describe("POST /auth/password", () => {
  const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD };

  it("SE-05: sets the new password and ends all other sessions", async () => {
    const authority = await startAuthority();
    const [mine, other] = [await authority.signedIn(), await authority.signedIn()];
    const { status } = await authority.call("POST", "/auth/password", { token: mine.access_token, json: change });
    expect(status).toBe(204);
    expectRefusal(await authority.refresh(other.refresh_token), 401, "session_ended");
    granted(await authority.refresh(mine.refresh_token));
    const login = async (password: string) =>
      (await authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password } })).status;
    expect(await login(PASSWORD)).toBe(401);
    expect(await login(OTHER_PASSWORD)).toBe(200);
  });

  it("asks for the current password and a strong new one, else changes nothing", async () => {
    const authority = await startAuthority();
    const { access_token: token } = await authority.signedIn();
    const other = await authority.signedIn();
    const post = async (json: object) => authority.call("POST", "/auth/password", { token, json });
    expectRefusal(await post({ ...change, current_password: "a wrong password entirely" }), 401, "invalid_credentials");
    expectRefusal(await post({ ...change, new_password: "short" }), 400, "weak_password");
    granted(await authority.refresh(other.refresh_token));
  });

  it("of two changes at once from the same password, one wins", async () => {
    const authority = await startAuthority();
    const { access_token: token } = await authority.signedIn();
    const answers = await Promise.all(
      [1, 2].map(async (n) =>
        authority.call("POST", "/auth/password", {
          token,
          json: { ...change, new_password: `${OTHER_PASSWORD} ${n}` },
        }),
      ),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([204, 401]));
  });
});

describe("DELETE /auth/me", () => {
  it("C-12: removes the account and its sessions, and frees the address", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    const remove = async (password: string) =>
      authority.call("DELETE", "/auth/me", { token: session.access_token, json: { password } });
    expectRefusal(await remove("a wrong password entirely"), 401, "invalid_credentials");
    expect((await remove(PASSWORD)).status).toBe(204);
    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
    expectRefusal(await authority.call("GET", "/auth/me", { token: session.access_token }), 401, "invalid_token");
    expect((await authority.signedIn()).user.id).not.toBe(session.user.id);
  });
});

describe("a password that is replaced while it is being checked", () => {
  /** An authority whose hasher, once told to, answers a check only when let go. */
  async function withSlowHasher() {
    const hasher = createArgon2Hasher();
    let held: PromiseWithResolvers<void> | undefined;
    const reached = Promise.withResolvers<void>();
    const authority = await startAuthority({
      passwordHasher: {
        ...hasher,
        async verify(password, hash) {
          const correct = await hasher.verify(password, hash);
          const gate = held;
          held = undefined;
          if (gate !== undefined) {
            reached.resolve();
            await gate.promise;
          }
          return correct;
        },
      },
    });
    return {
      authority,
      during: async <Result>(work: () => Promise<Result>, meanwhile: () => Promise<void>): Promise<Result> => {
        const gate = Promise.withResolvers<void>();
        held = gate;
        const result = work();
        await reached.promise;
        await meanwhile();
        gate.resolve();
        return result;
      },
    };
  }

  const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD };

  it("RT-09 SE-05: signs nobody in", async () => {
    const { authority, during } = await withSlowHasher();
    const { access_token: token } = await authority.signedIn();
    const late = await during(
      async () => authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: PASSWORD } }),
      async () => expect((await authority.call("POST", "/auth/password", { token, json: change })).status).toBe(204),
    );
    expectRefusal(late, 401, "invalid_credentials");
    const { body } = await authority.call("GET", "/auth/sessions", { token });
    expect(body).toMatchObject({ sessions: [{ current: true }] });
    expect((body as { sessions: unknown[] }).sessions).toHaveLength(1);
  });

  it("deletes no account", async () => {
    const { authority, during } = await withSlowHasher();
    const [victim, thief] = [await authority.signedIn(), await authority.signedIn()];
    const late = await during(
      async () => authority.call("DELETE", "/auth/me", { token: thief.access_token, json: { password: PASSWORD } }),
      async () => {
        const answer = await authority.call("POST", "/auth/password", { token: victim.access_token, json: change });
        expect(answer.status).toBe(204);
      },
    );
    expectRefusal(late, 401, "invalid_credentials");
    expect((await authority.call("GET", "/auth/me", { token: victim.access_token })).status).toBe(200);
  });

  it("signs nobody in to an account that is deleted meanwhile", async () => {
    const { authority, during } = await withSlowHasher();
    const { access_token: token } = await authority.signedIn();
    const late = await during(
      async () => authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: PASSWORD } }),
      async () => {
        const answer = await authority.call("DELETE", "/auth/me", { token, json: { password: PASSWORD } });
        expect(answer.status).toBe(204);
      },
    );
    expectRefusal(late, 401, "invalid_credentials");
  });
});

describe("text that is not well formed", () => {
  it("H-08: is refused in a password and a name", async () => {
    const authority = await startAuthority();
    const sign = { email: "ada@example.com", password: PASSWORD };
    for (const json of [
      { ...sign, password: `${PASSWORD}\ud800` },
      { ...sign, name: "Ada\ud800" },
      { ...sign, name: "Ada\r\nadmin: true" },
      { ...sign, name: "Ada\u202egnp.exe" },
    ]) {
      expectRefusal(await authority.call("POST", "/auth/signup", { json }), 400, "invalid_request");
    }
    const family = "👩‍👩‍👧 Ada";
    const { body } = await authority.call("POST", "/auth/signup", { json: { ...sign, name: family } });
    expect(body).toMatchObject({ user: { name: family } });
  });
});

describe("roles", () => {
  it("are in the access token from the next refresh on", async () => {
    const authority = await startAuthority();
    const { refresh_token, user } = await authority.signedIn();
    expect(user.roles).toEqual([]);
    expect(await authority.server.setRoles("ada@example.com", ["editor"])).toBe(true);
    expect(await authority.server.setRoles("nobody@example.com", ["editor"])).toBe(false);
    const next = granted(await authority.refresh(refresh_token));
    expect(next.user.roles).toEqual(["editor"]);
    const claims: unknown = JSON.parse(Buffer.from(next.access_token.split(".")[1] ?? "", "base64url").toString());
    expect(claims).toMatchObject({ roles: ["editor"] });
  });
});
