import { DatabaseSync } from "node:sqlite";

import { describe, expect, it } from "vitest";

import type { Answer, TestAuthority } from "../authority.ts";
import { cookieJar, expectRefusal, freshKey, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";

const EMAIL = "ada@example.com";

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

const withKey = (): { "Latchkey-Attempt": string } => ({ "Latchkey-Attempt": freshKey() });

/** A browser that signs in by cookie, perhaps with cookies that somebody has planted in its jar. */
async function signIn(
  authority: TestAuthority,
  email: string,
  browser = cookieJar(),
): Promise<{ readonly answer: Answer; readonly browser: ReturnType<typeof cookieJar> }> {
  await authority.call("POST", "/auth/signup", { json: { email, password: PASSWORD } });
  const answer = await authority.call("POST", "/auth/login", {
    json: { email, password: PASSWORD },
    headers: { Origin: ISSUER, Cookie: browser.header() },
  });
  browser.take(answer);
  return { answer, browser };
}

function refreshHeaders({ jar, header }: ReturnType<typeof cookieJar>): Record<string, string> {
  const csrf = jar.get("__Host-latchkey-csrf") ?? "";
  return { Origin: ISSUER, Cookie: header(), "X-CSRF-Token": csrf, ...withKey() };
}

describe("a refresh token", () => {
  it("RT-01: is exchanged at every use, and is good for one exchange", async () => {
    const authority = await startAuthority();
    let { refresh_token: token } = await authority.signedIn();
    const seen = new Set([token]);
    for (let use = 0; use < 5; use++) {
      token = granted(await authority.refresh(token, withKey())).refresh_token;
      seen.add(token);
    }
    expect(seen.size).toBe(6);
    const [first = ""] = seen;
    expectRefusal(await authority.refresh(first, withKey()), 401, "session_ended");
  });

  it("RT-04: asked for again by the same attempt is given again, and never forks", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const headers = withKey();
    const [lost, retry] = [
      await authority.refresh(refresh_token, headers),
      await authority.refresh(refresh_token, headers),
    ];
    expect(granted(retry).refresh_token).toBe(granted(lost).refresh_token);
    granted(await authority.refresh(granted(retry).refresh_token, withKey()));
  });

  it("RT-06: has a secret of 256 bits, in each generation another", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const next = granted(await authority.refresh(refresh_token, withKey())).refresh_token;
    const secrets = [refresh_token, next].map((token) => String(claimsOf(token)["jti"]));
    for (const secret of secrets) expect(Buffer.from(secret, "base64url")).toHaveLength(32);
    expect(new Set(secrets).size).toBe(2);
  });

  it.each([
    ["cut short", (token: string) => token.slice(0, -1)],
    ["without its signature", (token: string) => token.slice(0, token.lastIndexOf(".") + 1)],
    ["in capitals", (token: string) => token.toUpperCase()],
    ["in small letters", (token: string) => token.toLowerCase()],
    ["with padding", (token: string) => `${token}=`],
    ["with a blank before it", (token: string) => ` ${token}`],
    ["with a line feed behind it", (token: string) => `${token}\n`],
    ["twice", (token: string) => `${token},${token}`],
  ])("E-06: %s is none, and the session lives", async (_what, forge) => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    expectRefusal(await authority.refresh(forge(refresh_token), withKey()), 401, "session_ended");
    granted(await authority.refresh(refresh_token, withKey()));
  });

  it("RT-07 E-04: of a client that is not one of ours any more is refused", async () => {
    const authority = await startAuthority({ clientIds: ["app", "cli"] });
    const { refresh_token } = await authority.signedIn({ login: { client_id: "cli" } });
    const without = await authority.restart({ clientIds: ["app"] });
    expectRefusal(await without.refresh(refresh_token, withKey()), 401, "session_ended");
    const restored = await without.restart({ clientIds: ["app", "cli"] });
    granted(await restored.refresh(refresh_token, withKey()));
  });

  it("RT-08 E-08: keeps the scope and the API it was given for; a wish for more is malformed", async () => {
    const authority = await startAuthority({
      scopes: { allowed: ["read", "write"] },
      audiences: ["https://api.example.com", "https://other.example.com"],
    });
    const first = await authority.signedIn({ login: { scope: "read", audience: "https://other.example.com" } });
    for (const wish of [{ scope: "read write" }, { audience: "https://api.example.com" }, { resource: "x" }]) {
      const wider = await authority.call("POST", "/auth/refresh", {
        json: { refresh_token: first.refresh_token, ...wish },
        headers: withKey(),
      });
      expectRefusal(wider, 400, "invalid_request");
    }
    const next = granted(await authority.refresh(first.refresh_token, withKey()));
    expect(next.scope).toBe("read");
    expect(claimsOf(next.access_token)).toMatchObject({ scope: "read", aud: "https://other.example.com" });
  });
});

describe("RT-09: the next refresh is refused", () => {
  type Ending = (
    authority: TestAuthority,
    session: { access_token: string; refresh_token: string },
  ) => Promise<unknown>;

  it.each<[string, Ending]>([
    [
      "once the account is disabled",
      async ({ path }) => {
        const database = new DatabaseSync(path);
        database.prepare("UPDATE user SET disabled_at = 1 WHERE email = ?").run(EMAIL);
        database.close();
      },
    ],
    [
      "once the account is deleted",
      (authority, { access_token: token }) =>
        authority.call("DELETE", "/auth/me", { token, json: { password: PASSWORD } }),
    ],
    [
      "once the password was changed elsewhere",
      async (authority) =>
        authority.call("POST", "/auth/password", {
          token: (await authority.signedIn()).access_token,
          json: { current_password: PASSWORD, new_password: "another phrase, as long as the last" },
        }),
    ],
    [
      "after a sign-out",
      (authority, { refresh_token }) => authority.call("POST", "/auth/logout", { json: { refresh_token } }),
    ],
    [
      "after a sign-out everywhere",
      (authority, { access_token: token }) => authority.call("POST", "/auth/logout-all", { token }),
    ],
  ])("%s", async (_when, end) => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    const headers = withKey();
    const next = granted(await authority.refresh(session.refresh_token, headers));
    await end(authority, next);
    expectRefusal(await authority.refresh(next.refresh_token, withKey()), 401, "session_ended");
    // Not even what was handed out before is repeated.
    expectRefusal(await authority.refresh(session.refresh_token, headers), 401, "session_ended");
  });
});

describe("a thief", () => {
  it("E-18: who uses an old copy ends that session alone, once, and the user's others live", async () => {
    const authority = await startAuthority();
    const [robbed, phone] = [await authority.signedIn(), await authority.signedIn()];
    const live = granted(await authority.refresh(robbed.refresh_token, withKey()));
    for (let time = 0; time < 3; time++) {
      expectRefusal(await authority.refresh(robbed.refresh_token, withKey()), 401, "session_ended");
    }
    expectRefusal(await authority.refresh(live.refresh_token, withKey()), 401, "session_ended");
    granted(await authority.refresh(phone.refresh_token, withKey()));

    // The copy is of no use against the session that its owner begins next.
    const again = await authority.signedIn();
    expectRefusal(await authority.refresh(robbed.refresh_token, withKey()), 401, "session_ended");
    granted(await authority.refresh(again.refresh_token, withKey()));
  });

  it("E-09: whose cookies were planted in a browser gets no part in who signs in there", async () => {
    const authority = await startAuthority();
    const mallory = await signIn(authority, "mallory@example.com");
    const planted = cookieJar();
    for (const [name, value] of mallory.browser.jar) planted.jar.set(name, value);

    const victim = await signIn(authority, EMAIL, planted);

    expect(victim.answer.body).toMatchObject({ user: { email: EMAIL } });
    const sessionOf = (answer: Answer): unknown => (answer.body as { session_id: unknown }).session_id;
    expect(sessionOf(victim.answer)).not.toBe(sessionOf(mallory.answer));
    const headers = refreshHeaders(mallory.browser);
    expectRefusal(await authority.call("POST", "/auth/refresh", { headers }), 401, "session_ended");
    const next = await authority.call("POST", "/auth/refresh", { headers: refreshHeaders(victim.browser) });
    expect(next.body).toMatchObject({ user: { email: EMAIL } });
  });
});

it("E-13: no navigation refreshes or signs out: GET is refused with all cookies, and so is a form's POST", async () => {
  const authority = await startAuthority();
  const { browser } = await signIn(authority, EMAIL);
  const { "X-CSRF-Token": _unseen, ...asNavigated } = refreshHeaders(browser);
  for (const path of ["/auth/refresh", "/auth/logout"]) {
    expectRefusal(await authority.call("GET", path, { headers: refreshHeaders(browser) }), 405, "method_not_allowed");
    const form = { ...asNavigated, "Content-Type": "application/x-www-form-urlencoded" };
    const posted = await authority.call("POST", path, { text: "a=b", headers: form });
    expect([403, 415]).toContain(posted.status);
    expect(posted.headers.getSetCookie()).toEqual([]);
  }
  expect((await authority.call("POST", "/auth/refresh", { headers: refreshHeaders(browser) })).status).toBe(200);
});

it("RT-10 E-15: no answer with a token or a cookie may be kept by anybody in between", async () => {
  const authority = await startAuthority();
  const { answer, browser } = await signIn(authority, EMAIL);
  const body = await authority.signedIn();
  const answers = [
    answer,
    await authority.call("POST", "/auth/refresh", { headers: refreshHeaders(browser) }),
    await authority.refresh(body.refresh_token, withKey()),
    await authority.call("POST", "/auth/logout", { headers: refreshHeaders(browser) }),
  ];
  for (const one of answers) {
    expect(one.status).toBeLessThan(300);
    expect(one.headers.get("cache-control")).toBe("no-store");
    expect(one.headers.get("vary")).toContain("Origin");
  }
});

it("E-17: refreshes that are under way when the session is signed out bring nothing back", async () => {
  const authority = await startAuthority();
  const { refresh_token, access_token: token } = await authority.signedIn();
  const refreshes = Array.from({ length: 20 }, () => authority.refresh(refresh_token, withKey()));
  const out = authority.call("POST", "/auth/logout", { json: { refresh_token } });
  const answers = await Promise.all(refreshes);
  expect((await out).status).toBe(204);

  const issued = answers.flatMap(({ body }) => (body as { refresh_token?: string }).refresh_token ?? []);
  for (const late of [refresh_token, ...issued]) {
    expectRefusal(await authority.refresh(late, withKey()), 401, "session_ended");
  }
  expectRefusal(await authority.call("GET", "/auth/me", { token }), 401, "invalid_token");
});
