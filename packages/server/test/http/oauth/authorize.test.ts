import { DatabaseSync } from "node:sqlite";

import { describe, expect, it, onTestFinished } from "vitest";

import type { ClientOptions } from "../../../src/index.ts";
import { cookieJar, ISSUER, PASSWORD } from "../../authority.ts";
import { API, REDIRECT, SHOP, startOAuth } from "./oauth-world.ts";

/** What the client is told, by its redirect. */
function answerOf(response: Response): Record<string, string> {
  expect(response.status).toBe(303);
  const location = response.headers.get("location") ?? "";
  expect(location.startsWith(`${REDIRECT}?`), location).toBe(true);
  return Object.fromEntries(new URL(location).searchParams);
}

describe("the authorization endpoint", () => {
  it("AZ-07, F-09: sends the browser by 303 to the page that asks, bound to this browser by a cookie", async () => {
    const world = await startOAuth();
    const answer = await world.authorize();
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toContain(`${ISSUER}/oauth/interaction#request=`);
    const [cookie = ""] = answer.headers.getSetCookie();
    expect(cookie).toMatch(
      /^__Host-latchkey-authorization=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("is bound to one browser however many tabs begin", async () => {
    const world = await startOAuth();
    const first = world.handleOf(await world.authorize());
    const second = world.handleOf(await world.authorize());
    const token = await world.signIn();
    for (const handle of [first, second]) expect((await world.decide(handle, "allow", token)).status).toBe(200);
  });

  it("takes a form as well, and a page of the operator's own", async () => {
    const app = "https://app.example.com";
    const world = await startOAuth({ allowedOrigins: [app], oauth: { interactionUrl: `${app}/let-in` } });
    const query = new URLSearchParams({
      response_type: "code",
      client_id: SHOP.clientId,
      redirect_uri: REDIRECT,
      code_challenge: "x".repeat(43),
      code_challenge_method: "S256",
    });
    const post = () =>
      world.visit("/oauth/authorize", {
        method: "POST",
        body: `${query}&client_secret=misplaced`,
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
      });
    const first = await post();
    expect(first.status).toBe(303);
    expect(first.headers.get("location")).toBe(`${ISSUER}/oauth/authorize?${query}`);
    const again = await world.visit(`/oauth/authorize?${query}`);
    expect(again.headers.get("location")).toContain(`${app}/let-in#request=`);
    // A browser that has begun one before, and says so.
    expect((await post()).headers.get("location")).toContain(`${app}/let-in#request=`);
  });

  it("F-05: is not parted from a request under way by a form of another site's page, which brings no cookie", async () => {
    const world = await startOAuth();
    const token = await world.signIn();
    const handle = world.handleOf(await world.authorize());
    const answer = await world.authority.server.fetch(
      new Request(`${ISSUER}/oauth/authorize`, {
        method: "POST",
        body: new URLSearchParams({
          response_type: "code",
          client_id: "shop",
          redirect_uri: REDIRECT,
          code_challenge: "x".repeat(43),
          code_challenge_method: "S256",
        }),
        headers: { "Sec-Fetch-Site": "cross-site" },
      }),
    );
    expect(answer.status).toBe(303);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect((await world.decide(handle, "allow", token)).status).toBe(200);
  });

  it("refuses a form without a cookie that would make too long an address, in words", async () => {
    const world = await startOAuth();
    const body = new URLSearchParams({ client_id: "shop", redirect_uri: REDIRECT, state: "x".repeat(9_000) });
    const answer = await world.visit("/oauth/authorize", { method: "POST", body });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("too long");
  });

  it.each([
    { client_id: "nobody" },
    { client_id: undefined },
    { client_id: ["shop", "shop"] },
    { redirect_uri: undefined },
    { redirect_uri: `${REDIRECT}/` },
    { redirect_uri: "https://evil.example/cb" },
    { redirect_uri: [REDIRECT, REDIRECT] },
    { redirect_uri: [REDIRECT, "https://evil.example/cb"] },
    { request_uri: "urn:ietf:params:oauth:request_uri:nothing" },
    { request_uri: "https://evil.example/request.jwt" },
  ])("AZ-02, F-01, F-06, H-12: tells the user alone, and redirects nowhere: %j", async (changes) => {
    const world = await startOAuth();
    const answer = await world.authorize({ ...changes, state: "<script>alert(1)</script>" });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.getSetCookie()).toEqual([]);
    const page = await answer.text();
    expect(page).toContain("This does not work");
    expect(page).not.toMatch(/evil\.example|alert\(1\)/);
  });

  it.each([
    [{ code_challenge: undefined }, "invalid_request"],
    [{ code_challenge_method: undefined }, "invalid_request"],
    [{ code_challenge_method: "plain" }, "invalid_request"],
    [{ code_challenge: undefined, code_challenge_method: undefined }, "invalid_request"],
    [{ code_challenge: "x".repeat(42) }, "invalid_request"],
    [{ code_challenge: "x".repeat(44) }, "invalid_request"],
    [{ code_challenge: `${"x".repeat(42)}=` }, "invalid_request"],
  ])("AZ-03, AZ-04, F-02: demands PKCE with S256: %j is %s", async (changes, error) => {
    const world = await startOAuth();
    expect(answerOf(await world.authorize(changes))).toMatchObject({ error, state: "a state", iss: ISSUER });
  });

  it.each([
    [{ response_type: undefined }, "invalid_request"],
    [{ response_type: "token" }, "unsupported_response_type"],
    [{ response_type: "code id_token" }, "unsupported_response_type"],
    [{ response_mode: "fragment" }, "invalid_request"],
    [{ request: "eyJhbGciOiJub25lIn0.e30." }, "request_not_supported"],
    [{ registration: "{}" }, "registration_not_supported"],
    [{ nonce: ["one", "two"] }, "invalid_request"],
    [{ scope: ["openid", "openid"] }, "invalid_request"],
    [{ unknown: ["one", "two"] }, "invalid_request"],
    [{ scope: "openid admin" }, "invalid_scope"],
    [{ scope: "openid ".repeat(200) }, "invalid_scope"],
    [{ resource: "https://other.example.com" }, "invalid_target"],
    [{ resource: [API, ISSUER] }, "invalid_target"],
    [{ dpop_jkt: "short" }, "invalid_request"],
    [{ nonce: "n".repeat(257) }, "invalid_request"],
    [{ max_age: "-1" }, "invalid_request"],
    [{ max_age: "soon" }, "invalid_request"],
    [{ prompt: "none login" }, "invalid_request"],
    [{ prompt: "none" }, "login_required"],
  ])("AZ-05, AZ-09, AZ-13, F-14: answers the client, and names itself: %j is %s", async (changes, error) => {
    const world = await startOAuth();
    const answer = answerOf(await world.authorize(changes));
    expect(answer).toEqual({
      error,
      error_description: expect.stringMatching(/^[ !#-[\]-~]+$/),
      state: "a state",
      iss: ISSUER,
    });
  });

  it("AZ-09: ignores what it does not know", async () => {
    const world = await startOAuth();
    expect((await world.authorize({ unknown: "value", claims: "{}" })).headers.get("location")).toContain("#request=");
  });

  it.each([
    "a state",
    "x&error=none#fragment",
    "%41+%2B",
    "line\r\nbreak: injected",
    "ünïcødé ✓ 𝄞",
    '{"json":["<b>",null]}',
  ])("AZ-06: brings the state back as it was: %j", async (state) => {
    const world = await startOAuth();
    expect(answerOf(await world.authorize({ state, prompt: "none" }))["state"]).toBe(state);
    const { answer } = await world.obtainCode({ state });
    expect(answer.searchParams.get("state")).toBe(state);
    expect(answer.searchParams.get("iss")).toBe(ISSUER);
    expect(answer.origin + answer.pathname).toBe(REDIRECT);
  });

  it("AZ-06: returns no state where none or two came", async () => {
    const world = await startOAuth();
    expect(answerOf(await world.authorize({ state: undefined, prompt: "none" }))).not.toHaveProperty("state");
    expect(answerOf(await world.authorize({ state: ["one", "two"] }))).not.toHaveProperty("state");
  });

  it("AZ-01: lets a program on the user's machine have any port", async () => {
    const world = await startOAuth({ clients: [{ ...SHOP, redirectUris: ["http://127.0.0.1/cb"] }] });
    const { answer } = await world.obtainCode({ redirect_uri: "http://127.0.0.1:51004/cb" });
    expect(answer.href).toContain("http://127.0.0.1:51004/cb?code=");
  });

  it("keeps the query of a redirect URI", async () => {
    const redirect_uri = "https://shop.example.com/cb?store=1";
    const world = await startOAuth({ clients: [{ ...SHOP, redirectUris: [redirect_uri] }] });
    const { answer } = await world.obtainCode({ redirect_uri });
    expect(answer.href).toContain(`${redirect_uri}&code=`);
  });

  it("AZ-08, F-10: no answer of it, nor the page, is framed, kept, or readable by other origins", async () => {
    const world = await startOAuth();
    const answers = [
      await world.authorize(),
      await world.authorize({ client_id: "nobody" }),
      await world.visit("/oauth/interaction", { headers: { Origin: new URL(REDIRECT).origin } }),
    ];
    for (const { headers } of answers) {
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("cache-control")).toBe("no-store");
      expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    }
  });

  it("writes nothing down, however often it is asked", async () => {
    const world = await startOAuth();
    const database = new DatabaseSync(world.authority.path, { readOnly: true });
    onTestFinished(() => database.close());
    const rows = () =>
      ["session", "event", "one_time_use"].map((table) => database.prepare(`SELECT * FROM ${table}`).all());
    const before = rows();
    for (let asked = 0; asked < 5; asked++) await world.authorize();
    expect(rows()).toEqual(before);
  });

  it("AZ-13: tells a client of prompt=none to have its user sign in, whatever cookies come along, and begins no session", async () => {
    const own: ClientOptions = { ...SHOP, scopes: ["openid"], consent: "never" };
    const world = await startOAuth({ clients: [own], cookies: { accessToken: true } });
    const { authority, cookies } = world;
    const { access_token: token } = await authority.signedIn();
    for (const transport of ["cookie", "session"]) {
      const json = { email: "ada@example.com", password: PASSWORD, transport };
      const signedIn = await authority.call("POST", "/auth/login", { json, headers: { Origin: ISSUER } });
      expect(signedIn.status).toBe(200);
      const browser = cookieJar();
      browser.take(signedIn);
      for (const [name, value] of browser.jar) cookies.set(name, value);
    }
    const sessions = async (): Promise<number> => {
      const { body } = await authority.call("GET", "/auth/sessions", { token });
      return (body as { sessions: readonly unknown[] }).sessions.length;
    };
    const before = await sessions();

    const answer = await world.authorize({ scope: "openid", prompt: "none" });

    expect(answerOf(answer)).toMatchObject({ error: "login_required" });
    expect(await sessions()).toBe(before);
  });

  it("is not there without clients", async () => {
    const world = await startOAuth({ clients: [] });
    for (const path of ["/oauth/authorize", "/oauth/interaction", "/oauth/userinfo"]) {
      expect((await world.visit(path)).status).toBe(404);
    }
    expect((await world.post("/oauth/token", {})).status).toBe(404);
  });
});
