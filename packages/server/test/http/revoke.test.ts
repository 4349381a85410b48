import { describe, expect, it, onTestFinished } from "vitest";

import { createAuthServer, createSqliteStore } from "../../src/index.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, granted, ISSUER, MASTER_SECRET, startAuthority } from "../authority.ts";
import { basicOf, form, introspect, revoke, WITH_RESOURCE_SERVERS } from "./resource-server.ts";

const APP = "https://app.example.com";
const OPTIONS = { ...WITH_RESOURCE_SERVERS, clientIds: ["first-party", "phone"], allowedOrigins: [APP] };

async function signedIn() {
  const authority = await startAuthority(OPTIONS);
  return { authority, session: await authority.signedIn() };
}

async function expectSessionAlive(authority: TestAuthority, refreshToken: string): Promise<void> {
  granted(await authority.refresh(refreshToken));
}

describe("a revoked refresh token", () => {
  it.each([undefined, "refresh_token", "access_token", "urn:example:nothing"])(
    "RV-01: ends its session, with the hint %s",
    async (hint) => {
      const { authority, session } = await signedIn();
      const answer = await revoke(authority, session.refresh_token, { token_type_hint: hint });
      expect(answer).toMatchObject({ status: 200, body: undefined });
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
    },
  );

  it("RV-03: takes the access tokens with it", async () => {
    const { authority, session } = await signedIn();
    await revoke(authority, session.refresh_token);
    expectRefusal(await authority.call("GET", "/auth/me", { token: session.access_token }), 401, "invalid_token");
    expect((await introspect(authority, session.access_token)).body).toEqual({ active: false });
  });

  it("ends its session although it has been exchanged since: who lost the answer can still sign out", async () => {
    const { authority, session } = await signedIn();
    const next = granted(await authority.refresh(session.refresh_token));
    expect((await revoke(authority, session.refresh_token)).status).toBe(200);
    expectRefusal(await authority.refresh(next.refresh_token), 401, "session_ended");
  });

  it("ends no other session of the user", async () => {
    const { authority, session } = await signedIn();
    const other = await authority.signedIn();
    await revoke(authority, session.refresh_token);
    await expectSessionAlive(authority, other.refresh_token);
  });

  it("is 200 a second time", async () => {
    const { authority, session } = await signedIn();
    await revoke(authority, session.refresh_token);
    expect(await revoke(authority, session.refresh_token)).toMatchObject({ status: 200, body: undefined });
  });
});

describe("a revoked access token", () => {
  it.each([undefined, "access_token", "refresh_token"])(
    "RV-01: is dead at once and alone, with the hint %s",
    async (hint) => {
      const { authority, session } = await signedIn();
      expect(await revoke(authority, session.access_token, { token_type_hint: hint })).toMatchObject({
        status: 200,
        body: undefined,
      });
      expectRefusal(await authority.call("GET", "/auth/me", { token: session.access_token }), 401, "invalid_token");
      const next = granted(await authority.refresh(session.refresh_token));
      expect((await authority.call("GET", "/auth/me", { token: next.access_token })).status).toBe(200);
    },
  );

  it("is dead on another node before the revocation is answered", async () => {
    const { authority, session } = await signedIn();
    const another = createAuthServer({
      ...OPTIONS,
      issuer: ISSUER,
      store: createSqliteStore({ path: authority.path }),
      masterSecret: MASTER_SECRET,
      clock: () => 1_800_000_000,
    });
    onTestFinished(() => another.close());
    const whoAmI = async (): Promise<number> => {
      const headers = { Authorization: `Bearer ${session.access_token}` };
      return (await another.fetch(new Request(`${ISSUER}/auth/me`, { headers }))).status;
    };
    expect(await whoAmI()).toBe(200);
    await revoke(authority, session.access_token);
    expect(await whoAmI()).toBe(401);
  });

  it("stays dead after a restart", async () => {
    const { authority, session } = await signedIn();
    await revoke(authority, session.access_token);
    const restarted = await authority.restart();
    expectRefusal(await restarted.call("GET", "/auth/me", { token: session.access_token }), 401, "invalid_token");
  });

  it("is told on the revocation feed", async () => {
    const { authority, session } = await signedIn();
    await revoke(authority, session.access_token);
    const { jti } = payloadOf(session.access_token);
    const { body } = await authority.call("GET", "/revocations", { headers: { Authorization: basicOf("gateway") } });
    const batches = (body as { batches: string[] }).batches.map(payloadOf);
    expect(batches.flatMap((batch) => batch["token"] ?? [])).toEqual([[jti, expect.any(Number)]]);
  });

  it("revoked again and again, is one entry", async () => {
    const { authority, session } = await signedIn();
    for (let times = 0; times < 5; times++) await revoke(authority, session.access_token);
    const { body } = await authority.call("GET", "/revocations", { headers: { Authorization: basicOf("gateway") } });
    const batches = (body as { batches: string[] }).batches.map(payloadOf);
    expect(batches.flatMap((batch) => batch["token"] ?? [])).toHaveLength(1);
  });
});

describe("what revokes nothing", () => {
  it.each(["x", "eyJhbGciOiJub25lIiwidHlwIjoicnQrand0In0.e30."])(
    "RV-02: an unknown token is 200 and empty: %s",
    async (token) => {
      const { authority, session } = await signedIn();
      expect(await revoke(authority, token)).toMatchObject({ status: 200, body: undefined });
      await expectSessionAlive(authority, session.refresh_token);
    },
  );

  it("RV-02: a token with another signature is 200 and empty, and has no effect", async () => {
    const { authority, session } = await signedIn();
    for (const token of [session.refresh_token, session.access_token]) {
      expect((await revoke(authority, `${token.slice(0, -8)}AAAAAAAA`)).status).toBe(200);
    }
    expect((await authority.call("GET", "/auth/me", { token: session.access_token })).status).toBe(200);
    await expectSessionAlive(authority, session.refresh_token);
  });

  it("RV-02: another client's token is refused, and has no effect", async () => {
    const { authority, session } = await signedIn();
    for (const token of [session.refresh_token, session.access_token]) {
      expectRefusal(await revoke(authority, token, { client_id: "phone" }), 400, "invalid_grant");
    }
    expect((await authority.call("GET", "/auth/me", { token: session.access_token })).status).toBe(200);
    await expectSessionAlive(authority, session.refresh_token);
  });

  it.each([
    ["no client", { client_id: undefined }, 400, "invalid_request"],
    ["an unknown client", { client_id: "nobody" }, 400, "invalid_request"],
    ["a client's secret, which no client has", { client_secret: "x" }, 401, "invalid_client"],
    ["no token", { token: undefined }, 400, "invalid_request"],
  ] as const)("is refused with %s, and has no effect", async (_what, parameters, status, code) => {
    const { authority, session } = await signedIn();
    expectRefusal(await revoke(authority, session.refresh_token, parameters), status, code);
    await expectSessionAlive(authority, session.refresh_token);
  });

  it("a resource server's credentials: an API revokes nobody's session", async () => {
    const { authority, session } = await signedIn();
    const call = form({ token: session.refresh_token, client_id: "first-party" });
    const headers = { ...call.headers, Authorization: basicOf("gateway") };
    expectRefusal(await authority.call("POST", "/oauth/revoke", { ...call, headers }), 401, "invalid_client");
    await expectSessionAlive(authority, session.refresh_token);
  });

  it("a cookie, even of a page that may send them", async () => {
    const { authority, session } = await signedIn();
    const call = form({ client_id: "first-party" });
    const headers = { ...call.headers, Origin: ISSUER, Cookie: `__Secure-latchkey-rt=${session.refresh_token}` };
    expectRefusal(await authority.call("POST", "/oauth/revoke", { ...call, headers }), 400, "invalid_request");
    await expectSessionAlive(authority, session.refresh_token);
  });

  it("a token in the URL", async () => {
    const { authority, session } = await signedIn();
    const target = `/oauth/revoke?token=${session.refresh_token}&client_id=first-party`;
    expectRefusal(await authority.call("POST", target, form({})), 400, "invalid_request");
    await expectSessionAlive(authority, session.refresh_token);
  });

  it("a store that is down: 503, so that the caller asks again (RFC 7009 §2.2.1)", async () => {
    const { authority, session } = await signedIn();
    await authority.server.close();
    const answer = await revoke(authority, session.refresh_token);
    expectRefusal(answer, 503, "unavailable");
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  });
});

describe("revocation from browsers", () => {
  it.each([
    [APP, APP],
    ["https://evil.example.com", null],
    ["null", null],
  ])("RV-04 F-15: a page of %s may read the answer: %s", async (origin, allowed) => {
    const { authority, session } = await signedIn();
    const preflight = await authority.call("OPTIONS", "/oauth/revoke", {
      headers: { Origin: origin, "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBe(allowed);
    const call = form({ token: session.refresh_token, client_id: "first-party" });
    const answer = await authority.call("POST", "/oauth/revoke", {
      ...call,
      headers: { ...call.headers, Origin: origin },
    });
    expect(answer.headers.get("access-control-allow-origin")).toBe(allowed);
  });
});

function payloadOf(jws: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}
