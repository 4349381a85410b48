import { describe, expect, test } from "vitest";

import type { ClaimsHook, CustomClaims } from "../../src/index.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { introspect, WITH_RESOURCE_SERVERS } from "./resource-server.ts";

const EMAIL = "ada@example.com";

describe("the claims hook", () => {
  test("its claims stand in every access token, asked anew at each refresh with the user and the session", async () => {
    const asked: string[] = [];
    let plan = "free";
    const claims: ClaimsHook = async (user, session) => {
      asked.push(`${user.email} ${session.id} ${session.audience} ${session.scope} ${session.isBound}`);
      return { plan, limits: { seats: 3, names: ["a", "é"] } };
    };
    const authority = await startAuthority({ hooks: { claims }, scopes: { allowed: ["read"] } });
    const session = await authority.signedIn();
    expect(claimsOf(session.access_token)).toMatchObject({
      plan,
      limits: { seats: 3, names: ["a", "é"] },
      scope: "read",
    });

    plan = "paid";
    const next = granted(await authority.refresh(session.refresh_token));
    expect(claimsOf(next.access_token)).toMatchObject({ plan: "paid", sid: session.session_id });
    expect(new Set(asked)).toEqual(new Set([`${EMAIL} ${session.session_id} ${ISSUER} read false`]));
    expect((await authority.call("GET", "/auth/me", { token: next.access_token })).status).toBe(200);
  });

  test.each(
    "iss sub aud exp nbf iat jti client_id sid scope auth_time amr acr claims_epoch cnf status act may_act groups".split(
      " ",
    ),
  )("cannot set %s: no token is issued, and the session goes on (C-11)", async (name) => {
    let extra: CustomClaims = {};
    const authority = await startAuthority({
      hooks: { claims: () => extra },
      audiences: [{ audience: "https://api.example.com", rolesClaim: "groups" }],
    });
    const session = await authority.signedIn();

    extra = { [name]: "admin" };
    expectRefusal(await authority.refresh(session.refresh_token), 503, "unavailable");
    expectRefusal(
      await authority.call("POST", "/auth/login", { json: { email: EMAIL, password: PASSWORD } }),
      503,
      "unavailable",
    );
    expect(authority.logs.join("\n")).toContain(`hooks.claims answered with ${name}`);

    extra = {};
    granted(await authority.refresh(session.refresh_token));
  });

  const faults: readonly (readonly [string, ClaimsHook])[] = [
    [
      "throws",
      () => {
        throw new Error("the database is away");
      },
    ],
    ["rejects", () => Promise.reject(new Error("the database is away"))],
    ["never answers", () => new Promise(() => undefined)],
    ["answers with nothing", () => JSON.parse("null") as CustomClaims],
    ["answers with a list", () => JSON.parse('["admin"]') as CustomClaims],
    ["answers with text", () => JSON.parse('"admin"') as CustomClaims],
    ["answers with too much", () => ({ big: "x".repeat(2_048) })],
    ["answers with the parts of objects", () => JSON.parse('{"__proto__":{"roles":["admin"]}}') as CustomClaims],
    ["answers with a nameless claim", () => ({ "": 1 })],
    ["answers with what is no JSON", () => ({ big: 1n })],
    [
      "answers with a circle",
      () => {
        const circle: Record<string, unknown> = {};
        circle["self"] = circle;
        return circle;
      },
    ],
    ["answers with what is written otherwise", () => ({ toJSON: () => ({ sub: "somebody else" }) })],
  ];
  test.each(faults)(
    "that %s issues no token, changes nothing, and costs nobody a session (OP-03, C-13)",
    async (_how, fault) => {
      let hook: ClaimsHook = () => ({});
      const authority = await startAuthority({ hooks: { claims: (...about) => hook(...about), timeoutSeconds: 0.05 } });
      const session = await authority.signedIn();

      hook = fault;
      const refused = await authority.refresh(session.refresh_token);
      expectRefusal(refused, 503, "unavailable");
      expect(refused.headers.get("retry-after")).not.toBeNull();
      expectRefusal(
        await authority.call("POST", "/auth/login", { json: { email: EMAIL, password: PASSWORD } }),
        503,
        "unavailable",
      );

      hook = () => ({});
      // Long past any retry window: the very same token still is the live one.
      authority.advance(3_600);
      const next = granted(await authority.refresh(session.refresh_token));
      const { body } = await authority.call("GET", "/auth/sessions", { token: next.access_token });
      expect(body).toMatchObject({ sessions: [{ id: session.session_id }] });
      expect(body).not.toMatchObject({ sessions: [{}, {}] });
    },
  );
});

test("claims of the hook's say nothing of the token to who introspects it (IN-02)", async () => {
  const claims: ClaimsHook = () => ({ active: false, token_type: "N_A", plan: "paid" });
  const authority = await startAuthority({ ...WITH_RESOURCE_SERVERS, hooks: { claims } });
  const { access_token: token } = await authority.signedIn();
  expect((await introspect(authority, token)).body).toMatchObject({ active: true, token_type: "Bearer", plan: "paid" });
});

describe("the authorize hook", () => {
  test("denies a sign-in as if the account were disabled, and a refresh as if the session had ended (SE-05)", async () => {
    let allowed = false;
    const authority = await startAuthority({ hooks: { authorize: () => allowed } });
    await authority.call("POST", "/auth/signup", { json: { email: EMAIL, password: PASSWORD } });
    const signIn = { json: { email: EMAIL, password: PASSWORD } };

    expectRefusal(await authority.call("POST", "/auth/login", signIn), 403, "account_disabled");
    const wrong = { json: { email: EMAIL, password: "wrong" } };
    expectRefusal(await authority.call("POST", "/auth/login", wrong), 401, "invalid_credentials");

    allowed = true;
    const session = granted(await authority.call("POST", "/auth/login", signIn));
    allowed = false;
    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
    allowed = true;
    granted(await authority.refresh(session.refresh_token));
  });

  test("decides by API: one is refused where another is not", async () => {
    const authority = await startAuthority({
      audiences: ["https://api.example.com", "https://billing.example.com"],
      hooks: {
        authorize: ({ user, session }) =>
          session.audience !== "https://billing.example.com" || user.roles.includes("accountant"),
      },
    });
    await authority.signedIn();
    const billing = { json: { email: EMAIL, password: PASSWORD, audience: "https://billing.example.com" } };
    expectRefusal(await authority.call("POST", "/auth/login", billing), 403, "account_disabled");
  });

  test("leaves fewer scopes, in token and answer, and never others (E-08)", async () => {
    let scopes: readonly string[] = ["read"];
    const authority = await startAuthority({
      scopes: { allowed: ["read", "write"] },
      hooks: { authorize: ({ at }) => (at === "sign-in" ? true : { scopes }) },
    });
    const session = await authority.signedIn();
    expect(session.scope).toBe("read write");

    const less = granted(await authority.refresh(session.refresh_token));
    expect(less.scope).toBe("read");
    expect(claimsOf(less.access_token)["scope"]).toBe("read");

    for (const wider of [["read", "admin"], ["latchkey:admin"], ["read write"]]) {
      scopes = wider;
      expectRefusal(await authority.refresh(less.refresh_token), 503, "unavailable");
    }
    scopes = [];
    expect(granted(await authority.refresh(less.refresh_token)).scope).toBe("");
  });

  test.each([undefined, null, 1, "true", {}, { scopes: "read" }, []])(
    "that answers %j lets nobody in and ends nothing (C-13)",
    async (answer) => {
      let denies = false;
      const authority = await startAuthority({ hooks: { authorize: () => (denies ? (answer as never) : true) } });
      const session = await authority.signedIn();
      denies = true;
      expectRefusal(await authority.refresh(session.refresh_token), 503, "unavailable");
      denies = false;
      granted(await authority.refresh(session.refresh_token));
    },
  );

  test("is asked at each use of an opaque session cookie (C-12)", async () => {
    let allowed = true;
    const authority = await startAuthority({ hooks: { authorize: () => allowed } });
    await authority.call("POST", "/auth/signup", { json: { email: EMAIL, password: PASSWORD } });
    const answer = await authority.call("POST", "/auth/login", {
      json: { email: EMAIL, password: PASSWORD, transport: "session" },
      headers: { Origin: ISSUER },
    });
    const cookie =
      answer.headers
        .getSetCookie()
        .find((value) => value.includes("session="))
        ?.split(";")[0] ?? "";
    const request = () => new Request(`${ISSUER}/page`, { headers: { Cookie: cookie } });
    expect((await authority.server.authenticate(request()))?.user.email).toBe(EMAIL);

    allowed = false;
    expect(await authority.server.authenticate(request())).toBeUndefined();
  });
});

describe("scopes that need a role", () => {
  const scopes = { allowed: ["read", "users:write"], byRole: { admin: ["users:write"] } };
  const signIn = (authority: TestAuthority, scope?: string) =>
    authority.call("POST", "/auth/login", {
      json: { email: EMAIL, password: PASSWORD, ...(scope !== undefined && { scope }) },
    });

  test("are refused where they are asked for by name, and left out where they are not (E-08)", async () => {
    const authority = await startAuthority({ scopes });
    await authority.call("POST", "/auth/signup", { json: { email: EMAIL, password: PASSWORD } });

    const refused = await signIn(authority, "read users:write");
    expectRefusal(refused, 400, "invalid_request");
    expect(refused.body).toEqual((await signIn(authority, "no-such-scope")).body);
    expect(granted(await signIn(authority)).scope).toBe("read");

    await authority.server.setRoles(EMAIL, ["admin"]);
    expect(granted(await signIn(authority, "read users:write")).scope).toBe("read users:write");
  });

  test("leave the token at the next refresh once the role is gone, and never come to a session that began without (SE-05, E-08)", async () => {
    const authority = await startAuthority({ scopes });
    const without = await authority.signedIn();
    await authority.server.setRoles(EMAIL, ["admin"]);
    expect(granted(await authority.refresh(without.refresh_token)).scope).toBe("read");

    const session = granted(await signIn(authority));
    expect(session.scope).toBe("read users:write");
    await authority.server.setRoles(EMAIL, []);
    const demoted = granted(await authority.refresh(session.refresh_token));
    expect(demoted.scope).toBe("read");
    expect(claimsOf(demoted.access_token)["scope"]).toBe("read");
  });

  test("must be among those allowed", async () => {
    await expect(startAuthority({ scopes: { allowed: ["read"], byRole: { admin: ["other"] } } })).rejects.toThrow(
      "scopes.byRole: other is not among scopes.allowed.",
    );
  });
});

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}
