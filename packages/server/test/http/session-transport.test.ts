import { describe, expect, it } from "vitest";

import type { Answer, TestAuthority } from "../authority.ts";
import { cookieJar, expectRefusal, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { createDpopClient } from "../dpop-client.ts";

const SESSION = "__Host-latchkey-session";
const CSRF = "__Host-latchkey-csrf";
const DAY = 86_400;

/** A browser that has signed in on a page of the authority's own origin, with an opaque cookie. */
async function signedInBrowser(authority: TestAuthority, login: object = {}) {
  const { jar, take, header } = cookieJar();
  await authority.call("POST", "/auth/signup", { json: { email: "ada@example.com", password: PASSWORD } });
  const send = async (method: string, path: string, headers: object = {}, json?: object): Promise<Answer> => {
    const sent = await authority.call(method, path, {
      ...(json !== undefined && { json }),
      headers: {
        Cookie: header(),
        ...(method !== "GET" && { Origin: ISSUER, "X-CSRF-Token": jar.get(CSRF) ?? "" }),
        ...headers,
      },
    });
    take(sent);
    return sent;
  };
  const signIn = async (transport = "session"): Promise<Answer> =>
    send("POST", "/auth/login", {}, { email: "ada@example.com", password: PASSWORD, transport, ...login });
  const answer = await signIn();
  return { jar, answer, setCookies: answer.headers.getSetCookie(), send, signIn, header };
}

/** What a page's own server makes of a request that this browser sends. */
function pageRequest(cookie: string, method = "GET", headers: Record<string, string> = {}): Request {
  return new Request(`${ISSUER}/app`, { method, headers: { Cookie: cookie, ...headers } });
}

describe("sign-in with transport session", () => {
  it("BR-01: hands out an opaque cookie, and no token anywhere", async () => {
    const { answer, setCookies } = await signedInBrowser(await startAuthority());
    expect(answer.status).toBe(200);
    expect(setCookies).toEqual([
      expect.stringMatching(
        /^__Host-latchkey-session=[\w-]{22}\.[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      ),
      expect.stringMatching(/^__Host-latchkey-csrf=0\.[\w-]{43}; Max-Age=2592000; Path=\/; Secure; SameSite=Strict$/),
      expect.stringMatching(/^__Secure-latchkey-rt=; Max-Age=0; Path=\/auth; HttpOnly; Secure; SameSite=Strict$/),
      expect.stringMatching(/^__Host-latchkey-attempt=; Max-Age=0/),
    ]);
    expect(answer.body).toMatchObject({ idle_timeout: 7 * DAY, authorization_expires_in: 30 * DAY });
    expect(JSON.stringify(answer.body)).not.toMatch(/eyJ|refresh_token|access_token/);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });

  it("goes on when the key of its CSRF token is revoked: the next look at the account brings another", async () => {
    const authority = await startAuthority();
    const { jar, send } = await signedInBrowser(authority);
    const before = jar.get(CSRF);
    expect((await send("GET", "/auth/me")).headers.getSetCookie()).toEqual([]);
    const keys = await authority.server.listKeys();
    const active = keys.find((key) => key.purpose === "refresh-token" && key.state === "active");
    await authority.server.revokeKey(active?.kid ?? "");

    expectRefusal(await send("POST", "/auth/logout"), 403, "csrf_failed");
    expect((await send("GET", "/auth/me")).headers.getSetCookie()).toEqual([
      expect.stringMatching(/^__Host-latchkey-csrf=0\.[\w-]{43}; Max-Age=\d+; Path=\/; Secure; SameSite=Strict$/),
    ]);
    expect(jar.get(CSRF)).not.toBe(before);
    expect((await send("POST", "/auth/logout")).status).toBe(204);
  });

  it("remember: false leaves cookies that end with the browser", async () => {
    const { setCookies } = await signedInBrowser(await startAuthority(), { remember: false });
    for (const cookie of setCookies.slice(0, 2)) expect(cookie).not.toContain("Max-Age");
  });

  it.each([
    ["of another origin", { Origin: "https://evil.example" }],
    ["of a sibling subdomain", { Origin: "https://www.example.com" }],
    ["of no origin", { Origin: "null" }],
  ])("E-12 BR-02: is refused to a page %s", async (_, headers) => {
    const authority = await startAuthority();
    const json = { email: "ada@example.com", password: PASSWORD, transport: "session" };
    await authority.call("POST", "/auth/signup", { json: { email: "ada@example.com", password: PASSWORD } });
    const answer = await authority.call("POST", "/auth/login", { json, headers });
    expectRefusal(answer, 403, "origin_not_allowed");
    expect(answer.headers.getSetCookie()).toEqual([]);
  });

  it("BR-11 E-09: begins a new session and ends the one the browser presented, of either kind", async () => {
    const authority = await startAuthority();
    const { jar, send, signIn } = await signedInBrowser(authority);
    const first = jar.get(SESSION);
    await signIn();
    expect(jar.get(SESSION)).not.toBe(first);
    expect(await authority.server.authenticate(pageRequest(`${SESSION}=${first}`))).toBeUndefined();

    const second = jar.get(SESSION);
    await signIn("cookie");
    expect(jar.has(SESSION)).toBe(false);
    expect(await authority.server.authenticate(pageRequest(`${SESSION}=${second}`))).toBeUndefined();

    const refreshToken = jar.get("__Secure-latchkey-rt") ?? "";
    await signIn();
    expect(jar.has("__Secure-latchkey-rt")).toBe(false);
    expectRefusal(await authority.refresh(refreshToken), 401, "session_ended");
    expect((await send("GET", "/auth/sessions")).body).toMatchObject({ sessions: [{ current: true }] });
  });

  it("is known, listed and ended like any other where sessions have a place in a status list", async () => {
    const authority = await startAuthority({ statusList: true });
    const { answer, send, signIn, jar } = await signedInBrowser(authority);
    expect(answer.body).toMatchObject({ session_id: expect.stringMatching(/\./) });
    const first = jar.get(SESSION) ?? "";
    expect(await authority.server.authenticate(pageRequest(`${SESSION}=${first}`))).toBeDefined();

    await signIn();
    expect(await authority.server.authenticate(pageRequest(`${SESSION}=${first}`))).toBeUndefined();
    expect((await send("GET", "/auth/sessions")).body).toMatchObject({ sessions: [{ current: true }] });
    expect((await send("POST", "/auth/logout")).status).toBe(204);
    expect(jar.has(SESSION)).toBe(false);
  });

  it("is bound to no key: a proof of possession is refused rather than dropped", async () => {
    const authority = await startAuthority();
    const { send } = await signedInBrowser(authority);
    const json = { email: "ada@example.com", password: PASSWORD, transport: "session" };
    const answer = await send("POST", "/auth/login", { DPoP: "a.b.c" }, json);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });
});

describe("server.authenticate", () => {
  it("says who it is, on every request, and that it is nobody without the cookie", async () => {
    const { server, ...authority } = await startAuthority();
    const { header, jar } = await signedInBrowser({ server, ...authority });
    expect(await server.authenticate(pageRequest(header()))).toMatchObject({
      user: { email: "ada@example.com" },
      session: { current: true },
      csrfToken: jar.get(CSRF),
    });
    expect(await server.authenticate(pageRequest("theme=dark"))).toBeUndefined();
    expect(await server.authenticate(pageRequest(`${SESSION}=made.up`))).toBeUndefined();
  });

  it("E-20: says so for good once the session has expired, whatever a clock says later", async () => {
    const { server, ...authority } = await startAuthority();
    const { header } = await signedInBrowser({ server, ...authority });
    authority.advance(7 * DAY);
    expect(await server.authenticate(pageRequest(header()))).toBeUndefined();
    authority.advance(-7 * DAY);
    expect(await server.authenticate(pageRequest(header()))).toBeUndefined();
  });

  it("takes anything but GET and HEAD only from an allowed origin with the session's CSRF token (BR-02)", async () => {
    const { server, ...authority } = await startAuthority();
    const { header, jar } = await signedInBrowser({ server, ...authority });
    const token = jar.get(CSRF) ?? "";
    const post = (headers: Record<string, string>, formToken?: string): Promise<unknown> =>
      server.authenticate(pageRequest(header(), "POST", headers), formToken);
    expect(await post({ Origin: ISSUER, "X-CSRF-Token": token })).toBeDefined();
    expect(await post({ "Sec-Fetch-Site": "same-origin" }, token)).toBeDefined();
    const refused = { code: "origin_not_allowed" };
    await expect(post({ Origin: "https://www.example.com", "X-CSRF-Token": token })).rejects.toMatchObject(refused);
    await expect(post({ Origin: "null" }, token)).rejects.toMatchObject(refused);
    await expect(post({ "Sec-Fetch-Site": "same-site" }, token)).rejects.toMatchObject(refused);
    await expect(post({ "X-CSRF-Token": token })).rejects.toMatchObject(refused);
    await expect(post({ Origin: ISSUER })).rejects.toMatchObject({ code: "csrf_failed" });
    // Another session's token is none.
    const other = await signedInBrowser(await startAuthority());
    await expect(post({ Origin: ISSUER }, other.jar.get(CSRF))).rejects.toMatchObject({ code: "csrf_failed" });
  });

  it("E-10 BR-12: takes neither of two cookies of the name", async () => {
    const { server, ...authority } = await startAuthority();
    const { header } = await signedInBrowser({ server, ...authority });
    const twice = pageRequest(`${header()}; ${SESSION}=planted`);
    await expect(server.authenticate(twice)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it.each(["__host-latchkey-session", "__Host-latchkey-session ", "latchkey-session", "\u00A0__Host-latchkey-session"])(
    "E-11: a cookie whose name is only like ours (%j) is not ours",
    async (name) => {
      const { server, ...authority } = await startAuthority();
      const { jar } = await signedInBrowser({ server, ...authority });
      const cookie = Buffer.from(`$Version=1; ${name}=${jar.get(SESSION)}`).toString("latin1");
      expect(await server.authenticate(pageRequest(cookie))).toBeUndefined();
    },
  );

  it("takes no refresh token's secret for an opaque one, and the other way round", async () => {
    const { server, ...authority } = await startAuthority();
    const { refresh_token: refreshToken, session_id: sessionId } = await authority.signedIn();
    const payload = JSON.parse(Buffer.from(refreshToken.split(".")[1] ?? "", "base64url").toString()) as {
      readonly jti: string;
    };
    expect(await server.authenticate(pageRequest(`${SESSION}=${sessionId}.${payload.jti}`))).toBeUndefined();
    const { jar } = await signedInBrowser({ server, ...authority });
    expectRefusal(await authority.refresh(jar.get(SESSION) ?? ""), 401, "session_ended");
  });

  it("puts the idle limit off with use, in steps, and never past the absolute one", async () => {
    const { server, ...authority } = await startAuthority();
    const { header } = await signedInBrowser({ server, ...authority });
    const use = (): Promise<unknown> => server.authenticate(pageRequest(header()));
    const lastSeen = async (): Promise<string | undefined> =>
      (await server.authenticate(pageRequest(header())))?.session.last_seen_at;
    const atFirst = await lastSeen();
    authority.advance(3_600);
    // Not written each time.
    expect(await lastSeen()).toBe(atFirst);
    for (let day = 1; day <= 29; day++) {
      authority.advance(DAY);
      expect(await use()).toBeDefined();
    }
    expect(await lastSeen()).not.toBe(atFirst);
    authority.advance(DAY);
    expect(await use()).toBeUndefined();
  });

  it("ends a session that nobody uses", async () => {
    const { server, ...authority } = await startAuthority();
    const { header } = await signedInBrowser({ server, ...authority });
    authority.advance(7 * DAY);
    expect(await server.authenticate(pageRequest(header()))).toBeUndefined();
  });
});

describe("an opaque session", () => {
  it("opens the account routes, with the CSRF rules for whatever changes something", async () => {
    const { send } = await signedInBrowser(await startAuthority());
    expect((await send("GET", "/auth/me")).body).toMatchObject({ user: { email: "ada@example.com" } });
    const change = { current_password: PASSWORD, new_password: "another long passphrase" };
    expectRefusal(await send("POST", "/auth/password", { "X-CSRF-Token": "" }, change), 403, "csrf_failed");
    expectRefusal(
      await send("POST", "/auth/password", { Origin: "https://evil.example" }, change),
      403,
      "origin_not_allowed",
    );
    expect((await send("POST", "/auth/password", {}, change)).status).toBe(204);
    expect((await send("GET", "/auth/me")).status).toBe(200);
  });

  it("E-14: ends at once on sign-out, and its cookies are cleared with the attributes they were set with", async () => {
    const { server, ...authority } = await startAuthority();
    const { send, header, jar } = await signedInBrowser({ server, ...authority });
    const cookies = header();
    expectRefusal(await send("POST", "/auth/logout", { Origin: "https://evil.example" }), 403, "origin_not_allowed");
    expectRefusal(await send("POST", "/auth/logout", { "X-CSRF-Token": "" }), 403, "csrf_failed");
    expect(await server.authenticate(pageRequest(cookies))).toBeDefined();

    const answer = await send("POST", "/auth/logout");
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()).toContain(
      `${SESSION}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict`,
    );
    expect(jar.size).toBe(0);
    expect(await server.authenticate(pageRequest(cookies))).toBeUndefined();
  });

  it("ends at once when the user ends it from elsewhere", async () => {
    const { server, ...authority } = await startAuthority();
    const { header } = await signedInBrowser({ server, ...authority });
    const { access_token: token } = await authority.signedIn();
    expect((await authority.call("POST", "/auth/logout-all", { token })).status).toBe(204);
    expect(await server.authenticate(pageRequest(header()))).toBeUndefined();
  });
});

describe("cookies.accessToken", () => {
  it("sets the access token as a cookie, too, for as long as it lives, and clears it at sign-out (BR-01, E-14)", async () => {
    const authority = await startAuthority({ cookies: { accessToken: true } });
    const { send, signIn, jar } = await signedInBrowser(authority);
    const answer = await signIn("cookie");
    const set = answer.headers.getSetCookie().find((cookie) => cookie.startsWith("__Host-latchkey-at="));
    expect(set).toMatch(/^__Host-latchkey-at=ey[\w.-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect(set).toContain(granted(answer).access_token);
    expect((await send("POST", "/auth/logout")).headers.getSetCookie()).toContain(
      "__Host-latchkey-at=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict",
    );
    expect(jar.size).toBe(0);
  });

  it("leaves none of somebody else's behind where the new session is bound to a key", async () => {
    const authority = await startAuthority({ cookies: { accessToken: true } });
    const { send, signIn, jar } = await signedInBrowser(authority);
    await signIn("cookie");
    expect(jar.has("__Host-latchkey-at")).toBe(true);
    const email = "grace@example.com";
    await authority.call("POST", "/auth/signup", { json: { email, password: PASSWORD } });
    const { DPoP } = await (await createDpopClient(authority.now)).prove("POST", "/auth/login");
    const answer = await send("POST", "/auth/login", { DPoP }, { email, password: PASSWORD, transport: "cookie" });
    expect(answer.body).toMatchObject({ token_type: "DPoP" });
    expect(jar.has("__Host-latchkey-at")).toBe(false);
  });

  it("sets no such cookie by body transport, nor without the option", async () => {
    const authority = await startAuthority();
    const { signIn } = await signedInBrowser(authority);
    expect((await signIn("cookie")).headers.getSetCookie().join()).not.toContain("latchkey-at=");
    const other = await startAuthority({ cookies: { accessToken: true } });
    const { signIn: signInThere } = await signedInBrowser(other);
    expect((await signInThere("body")).headers.getSetCookie()).toEqual([]);
  });
});
