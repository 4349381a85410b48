import { DatabaseSync } from "node:sqlite";

import { CSRF_HEADER } from "@latchkey/protocol";
import { describe, expect, it, onTestFinished } from "vitest";

import { cookieJar, expectRefusal, granted, ISSUER, PASSWORD } from "../../authority.ts";
import { createDpopClient } from "../../dpop-client.ts";
import type { OAuthWorld } from "./oauth-world.ts";
import { API, LEDGER, oauthWorld, REDIRECT, SHOP, startOAuth, expectTokens } from "./oauth-world.ts";

async function ask(world: OAuthWorld, handle: string, headers: Record<string, string> = { Origin: ISSUER }) {
  const answer = await world.visit(`/oauth/interaction/${handle}`, { headers });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

function redirectOf(answer: { readonly body: unknown }): URL {
  return new URL((answer.body as { redirect_to: string }).redirect_to);
}

describe("a page that asks the user", () => {
  it("is told who asks, and for what", async () => {
    const world = await startOAuth();
    const handle = world.handleOf(await world.authorize({ login_hint: "ada@example.com" }));
    const { status, body, headers } = await ask(world, handle);
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toEqual({
      client: { id: "shop", name: "Shop & Söhne" },
      consent: "ask",
      scope: "openid orders:read",
      resource: API,
      login_hint: "ada@example.com",
      expires_in: 600,
    });
    const sameOrigin = await ask(world, handle, { "Sec-Fetch-Site": "same-origin" });
    expect(sameOrigin.status).toBe(200);
  });

  it("gets where to go: with a code, or, denied, without one, and without anybody signed in", async () => {
    const world = await startOAuth();
    const denied = await world.decide(world.handleOf(await world.authorize()), "deny");
    expect(Object.fromEntries(redirectOf(denied).searchParams)).toEqual({
      error: "access_denied",
      error_description: expect.any(String),
      state: "a state",
      iss: ISSUER,
    });
    const { answer } = await world.obtainCode();
    expect(Object.fromEntries(answer.searchParams)).toEqual({
      code: expect.any(String),
      state: "a state",
      iss: ISSUER,
    });
  });

  it("AZ-10: asks each time, whatever was allowed before", async () => {
    const world = await startOAuth();
    expectTokens(await world.redeem(await world.obtainCode()));
    const { body } = await ask(world, world.handleOf(await world.authorize()));
    expect(body).toMatchObject({ consent: "ask" });
  });

  it("F-12: gets no code before somebody has signed in", async () => {
    const world = await startOAuth();
    const handle = world.handleOf(await world.authorize());
    expectRefusal(await world.decide(handle, "allow"), 401, "missing_token");
    expectRefusal(await world.decide(handle, "allow", "no token"), 400, "invalid_request");
    expectRefusal(await world.decide(handle, "allow", "x.y.z"), 401, "invalid_token");
  });

  it("allows a request once", async () => {
    const world = await startOAuth();
    const token = await world.signIn();
    const handle = world.handleOf(await world.authorize());
    expect((await world.decide(handle, "allow", token)).status).toBe(200);
    expectRefusal(await world.decide(handle, "allow", token), 400, "invalid_request");
  });

  it("OP-04: leaves nothing in the store for who begins requests and denies them", async () => {
    const world = await startOAuth();
    const database = new DatabaseSync(world.authority.path, { readOnly: true });
    onTestFinished(() => database.close());
    const written = (): unknown => database.prepare("SELECT total_changes() AS own, * FROM pragma_data_version").get();
    const before = written();
    for (let count = 0; count < 3; count++) {
      const denied = await world.decide(world.handleOf(await world.authorize()), "deny");
      expect(redirectOf(denied).searchParams.get("error")).toBe("access_denied");
    }
    expect(written()).toEqual(before);
  });

  it("allows a request once, of thirty answers at once over two nodes", async () => {
    const world = await startOAuth();
    const token = await world.signIn();
    const beside = oauthWorld(await world.authority.beside());
    const handle = world.handleOf(await world.authorize());
    for (const [name, value] of world.cookies) beside.cookies.set(name, value);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? world : beside).decide(handle, "allow", token)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const { body } = await world.authority.call("GET", "/auth/sessions", { token });
    const { sessions } = body as { sessions: { client_id: string }[] };
    expect(sessions.filter(({ client_id }) => client_id === "shop")).toHaveLength(1);
  });

  it("answers for ten minutes", async () => {
    const world = await startOAuth();
    const token = await world.signIn();
    const handle = world.handleOf(await world.authorize());
    world.authority.advance(600);
    expectRefusal(await ask(world, handle), 404, "not_found");
    expectRefusal(await world.decide(handle, "allow", token), 404, "not_found");
  });

  it.each(["allow", "deny"] as const)(
    "F-05: answers in the browser that began the request, and in no other: %s",
    async (decision) => {
      const world = await startOAuth();
      const attacker = oauthWorld(world.authority);
      // The attacker has the victim open a page for a request of the attacker's own, or has got hold of a victim's.
      const handle = attacker.handleOf(await attacker.authorize());
      const token = await world.signIn();
      expectRefusal(await ask(world, handle), 404, "not_found");
      expectRefusal(await world.decide(handle, decision, token), 404, "not_found");
      await world.authorize();
      expectRefusal(await world.decide(handle, decision, token), 404, "not_found");
      expect((await attacker.decide(handle, decision, token)).status).toBe(200);
    },
  );

  it("E-10: takes neither of two binding cookies", async () => {
    const world = await startOAuth();
    const token = await world.signIn();
    const handle = world.handleOf(await world.authorize());
    const name = "__Host-latchkey-authorization";
    const twice = `${name}=${world.cookies.get(name)}; ${name}=planted`;
    world.cookies.clear();
    expectRefusal(await world.decide(handle, "allow", token, { Cookie: twice }), 400, "invalid_request");
  });

  it.each(["https://evil.example", "null", `${ISSUER}.evil.example`, undefined])(
    "E-12, F-10: answers no page of the origin %s",
    async (origin) => {
      const world = await startOAuth();
      const token = await world.signIn();
      const handle = world.handleOf(await world.authorize());
      const headers: Record<string, string> =
        origin === undefined ? { "Sec-Fetch-Site": "cross-site" } : { Origin: origin };
      expectRefusal(await ask(world, handle, headers), 403, "origin_not_allowed");
      const answer = await world.visit(`/oauth/interaction/${handle}`, {
        method: "POST",
        body: '{"decision":"allow"}',
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}`, ...headers },
      });
      expect(answer.status).toBe(403);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  it("may be of another allowed origin, with cookies", async () => {
    const app = "https://app.example.com";
    const world = await startOAuth({ allowedOrigins: [app] });
    const handle = world.handleOf(await world.authorize());
    const { status, headers } = await ask(world, handle, { Origin: app });
    expect(status).toBe(200);
    expect(headers.get("access-control-allow-origin")).toBe(app);
    expect(headers.get("access-control-allow-credentials")).toBe("true");
  });

  it.each([
    [{ prompt: "login" }, 0],
    [{ prompt: "select_account" }, 0],
    [{ prompt: "login consent" }, 0],
    [{ max_age: "0" }, 0],
    [{ max_age: "60" }, 60],
  ])("AZ-13: has the user sign in anew for %j", async (changes, maxAge) => {
    const world = await startOAuth();
    const old = await world.signIn();
    world.authority.advance(61);
    const handle = world.handleOf(await world.authorize(changes));
    const refused = await world.decide(handle, "allow", old);
    expectRefusal(refused, 401, "insufficient_user_authentication");
    expect(refused.headers.get("www-authenticate")).toContain(`max_age="${maxAge}"`);
    world.authority.advance(5);
    const { access_token } = await world.authority.signedIn();
    expect((await world.decide(handle, "allow", access_token)).status).toBe(200);
  });

  it("takes no bearer token of a sign-in long ago, which would outlive itself by weeks", async () => {
    const world = await startOAuth();
    const { refresh_token } = await world.authority.signedIn();
    world.authority.advance(901);
    const { access_token: seen } = granted(await world.authority.refresh(refresh_token));
    const handle = world.handleOf(await world.authorize());
    const refused = await world.decide(handle, "allow", seen);
    expectRefusal(refused, 401, "insufficient_user_authentication");
    expect(refused.headers.get("www-authenticate")).toContain('max_age="900"');
    expect((await world.decide(handle, "allow", await world.signIn())).status).toBe(200);
  });

  it("takes a token that is bound to a key, or an opaque session, whenever its user has signed in", async () => {
    const world = await startOAuth({ sessionIdleSeconds: 86_400 });
    const { authority } = world;
    await authority.signedIn();
    const device = await createDpopClient(authority.now);
    const json = { email: "ada@example.com", password: PASSWORD };
    const proof = await device.prove("POST", "/auth/login");
    const bound = granted(await authority.call("POST", "/auth/login", { json, headers: proof }));
    const opaque = await authority.call("POST", "/auth/login", {
      json: { ...json, transport: "session" },
      headers: { Origin: ISSUER },
    });
    const browser = cookieJar();
    browser.take(opaque);
    authority.advance(901);
    const next = granted(await authority.refresh(bound.refresh_token, await device.prove("POST", "/auth/refresh")));

    const first = world.handleOf(await world.authorize());
    const path = `/oauth/interaction/${first}`;
    const proved = await device.authorize("POST", path, next.access_token);
    expect((await world.decide(first, "allow", undefined, proved)).status).toBe(200);

    for (const [name, value] of browser.jar) world.cookies.set(name, value);
    const { csrf_token } = opaque.body as { csrf_token: string };
    const second = world.handleOf(await world.authorize());
    expect((await world.decide(second, "allow", undefined, { [CSRF_HEADER]: csrf_token })).status).toBe(200);
  });

  it("never asks for a client of consent never, but has the user signed in all the same", async () => {
    const world = await startOAuth({ clients: [{ ...SHOP, scopes: ["openid"], consent: "never" }] });
    const handle = world.handleOf(await world.authorize({ scope: "openid" }));
    expect((await ask(world, handle)).body).toMatchObject({ consent: "never" });
    expectRefusal(await world.decide(handle, "allow"), 401, "missing_token");
  });

  it.each(["consent", "login consent"])(
    "AZ-13: asks for it all the same where the client says so: prompt=%s",
    async (prompt) => {
      const world = await startOAuth({ clients: [{ ...SHOP, scopes: ["openid"], consent: "never" }] });
      const handle = world.handleOf(await world.authorize({ scope: "openid", prompt }));
      expect((await ask(world, handle)).body).toMatchObject({ consent: "ask" });
    },
  );

  it("lets a client in at the session limit, which ends another session than the one that allows it", async () => {
    const world = await startOAuth({ maxSessionsPerUser: 2 });
    const { authority } = world;
    const allowing = await world.signIn();
    authority.advance(1);
    const { access_token: other } = await authority.signedIn();
    authority.advance(1);
    for (let count = 0; count < 2; count++) {
      const decided = await world.decide(world.handleOf(await world.authorize()), "allow", allowing);
      expect(redirectOf(decided).searchParams.get("code")).not.toBeNull();
      expect((await authority.call("GET", "/auth/me", { token: allowing })).status).toBe(200);
      expectRefusal(await authority.call("GET", "/auth/me", { token: other }), 401, "invalid_token");
      authority.advance(1);
    }
  });

  it("gets no code for who may not have the session, by their roles or by a hook", async () => {
    const world = await startOAuth({ hooks: { authorize: ({ session }) => session.clientId !== "shop" } });
    const token = await world.signIn();
    const decided = await world.decide(world.handleOf(await world.authorize()), "allow", token);
    expect(redirectOf(decided).searchParams.get("error")).toBe("access_denied");

    const byRole = await startOAuth({
      scopes: { allowed: ["orders:read", "orders:write"], byRole: { seller: ["orders:write"] } },
    });
    const none = await byRole.decide(
      byRole.handleOf(await byRole.authorize({ scope: "orders:write" })),
      "allow",
      await byRole.signIn(),
    );
    expect(redirectOf(none).searchParams.get("error")).toBe("access_denied");
    const tokens = expectTokens(await byRole.redeem(await byRole.obtainCode({ scope: "orders:read orders:write" })));
    expect(tokens.scope).toBe("orders:read");
  });

  it("RT-09: gets no code where the user is signed out everywhere at that very moment", async () => {
    let meanwhile = async (): Promise<unknown> => undefined;
    const authorize = async ({ session }: { session: { clientId: string } }): Promise<boolean> => {
      if (session.clientId === "shop") await meanwhile();
      return true;
    };
    const world = await startOAuth({ hooks: { authorize } });
    const token = await world.signIn();
    const handle = world.handleOf(await world.authorize());
    meanwhile = () => world.authority.call("POST", "/auth/logout-all", { token });
    expectRefusal(await world.decide(handle, "allow", token), 401, "invalid_token");
    const { access_token: again } = await world.authority.signedIn();
    const { body } = await world.authority.call("GET", "/auth/sessions", { token: again });
    expect((body as { sessions: object[] }).sessions).toHaveLength(1);
  });

  it("answers for no client that is there no longer, nor for an address that is none of its own any more", async () => {
    const world = await startOAuth();
    const token = await world.signIn();
    const handle = world.handleOf(await world.authorize());
    for (const clients of [[LEDGER], [{ ...SHOP, redirectUris: ["https://new.example.com/cb"] }]]) {
      const beside = oauthWorld(await world.authority.beside({ clients }));
      for (const [name, value] of world.cookies) beside.cookies.set(name, value);
      for (const decision of ["allow", "deny"] as const) {
        expectRefusal(await beside.decide(handle, decision, token), 404, "not_found");
      }
    }
  });

  it.each(["a code", "a pushed request", "anything"])("takes %s for no request", async (kind) => {
    const world = await startOAuth({ clients: [SHOP, LEDGER] });
    const { code } = await world.obtainCode();
    const pushed = await world.post("/oauth/par", {
      client_id: "shop",
      redirect_uri: REDIRECT,
      response_type: "code",
      code_challenge: "x".repeat(43),
      code_challenge_method: "S256",
    });
    const { request_uri: uri } = pushed.body as { request_uri: string };
    const handle = { "a code": code, "a pushed request": uri.split(":").at(-1) ?? "", anything: "x".repeat(400) }[kind];
    expectRefusal(await ask(world, handle ?? ""), 404, "not_found");
  });
});

it("the page that the authority has itself lets no script or style in but its own", async () => {
  const world = await startOAuth();
  const answer = await world.visit("/oauth/interaction");
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; script-src 'sha256-[\w+/=]+'; connect-src 'self'/,
  );
  expect(policy).toContain("form-action 'none'; base-uri 'none'; frame-ancestors 'none'");
  expect(answer.headers.get("x-frame-options")).toBe("DENY");
});
