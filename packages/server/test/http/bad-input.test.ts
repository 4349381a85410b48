import { describe, expect, it } from "vitest";

import { ROUTES } from "../../src/http/routes.ts";
import { expectRefusal, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { startFullAuthority } from "./full-authority.ts";

const withBody = [
  ["POST", "/auth/signup", { email: "ada@example.com", password: PASSWORD }],
  ["POST", "/auth/login", { email: "ada@example.com", password: PASSWORD }],
  ["POST", "/auth/refresh", { refresh_token: "x" }],
  ["POST", "/auth/logout", { refresh_token: "x" }],
  ["POST", "/auth/password", { current_password: PASSWORD, new_password: PASSWORD }],
  ["DELETE", "/auth/me", { password: PASSWORD }],
] as const;

describe("16 KiB of header, which anybody may send", () => {
  const addressed = { trustedProxies: ["203.0.113.0/24", "::/0"] };

  it.each([
    ["blanks in a cookie", { Cookie: `__Secure-latchkey-rt=${" ".repeat(16_000)}x`, Origin: ISSUER }],
    ["blanks between cookies", { Cookie: `${" \t".repeat(8_000)}x`, Origin: ISSUER }],
    ["cookies without names", { Cookie: ";".repeat(16_000), Origin: ISSUER }],
    ["proxies that have no address", { "X-Forwarded-For": ",".repeat(16_000) }],
    ["proxies that are trusted", { "X-Forwarded-For": "::1,".repeat(4_000) }],
    ["proxies that are not", { "X-Forwarded-For": "9.9.9.9,".repeat(2_000) }],
  ])("OP-04: does not keep all others waiting: %s", async (_, headers) => {
    const authority = await startAuthority(addressed);
    let fastest = Infinity;
    for (let tries = 0; tries < 3; tries++) {
      const started = performance.now();
      expect((await authority.call("POST", "/auth/refresh", { headers })).status).toBeGreaterThanOrEqual(400);
      fastest = Math.min(fastest, performance.now() - started);
    }
    expect(fastest).toBeLessThan(100);
  });
});

describe.each(withBody)("%s %s", (method, path, json) => {
  async function setUp() {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    const send = async (call: object) => authority.call(method, path, { token: session.access_token, ...call });
    const expectUnchanged = async (): Promise<void> => {
      const next = granted(await authority.refresh(session.refresh_token));
      const { body } = await authority.call("GET", "/auth/sessions", { token: next.access_token });
      expect(body).toMatchObject({ sessions: [{ id: session.session_id }] });
    };
    return { send, expectUnchanged };
  }

  it.each([
    ["broken JSON", { text: '{"email": ' }, 400, "invalid_request"],
    ["a JSON array", { text: "[]" }, 400, "invalid_request"],
    ["a JSON string", { text: '"x"' }, 400, "invalid_request"],
    ["an unknown field", { json: { ...json, admin: true } }, 400, "invalid_request"],
    [
      "a field of the wrong type",
      { json: Object.fromEntries(Object.keys(json).map((key) => [key, 7])) },
      400,
      "invalid_request",
    ],
    ["1 MB", { json: { ...json, padding: "x".repeat(1_000_000) } }, 413, "payload_too_large"],
    [
      "OP-04: 1 MB of unstated length",
      { text: `{"a":"${"x".repeat(1_000_000)}"}`, headers: { "Content-Length": "0" } },
      413,
      "payload_too_large",
    ],
    [
      "a form",
      { text: "email=ada", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
      415,
      "unsupported_media_type",
    ],
    [
      "BR-02: plain text",
      { text: JSON.stringify(json), headers: { "Content-Type": "text/plain" } },
      415,
      "unsupported_media_type",
    ],
  ] as const)("refuses %s and changes nothing", async (_what, call, status, code) => {
    const { send, expectUnchanged } = await setUp();
    expectRefusal(await send(call), status, code);
    await expectUnchanged();
  });

  it("never repeats what was sent", async () => {
    const { send } = await setUp();
    const secret = "s3cret-that-must-not-come-back";
    for (const call of [{ json: { [secret]: secret } }, { text: secret }, { json: { ...json, extra: secret } }]) {
      expect(JSON.stringify((await send(call)).body)).not.toContain(secret);
    }
  });
});

describe("invalid UTF-8", () => {
  it("is refused", async () => {
    const { server } = await startAuthority();
    const body = Buffer.concat([Buffer.from('{"email":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    const request = new Request(`${ISSUER}/auth/signup`, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json" },
    });
    expect((await server.fetch(request)).status).toBe(400);
  });
});

describe("every route", () => {
  it.each(ROUTES.map((route) => [route.method, route.path] as const))(
    "%s %s has its methods and no other",
    async (_method, path) => {
      const { server } = (await startFullAuthority()).authority;
      const target = `${ISSUER}${path.replace(/:\w+/, "x")}`;
      const allowed = ROUTES.filter((route) => route.path === path).map((route) => route.method);
      const answer = await server.fetch(new Request(target, { method: "PUT" }));
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe(allowed.join(", "));
      expect(await answer.json()).toMatchObject({ error: "method_not_allowed" });
    },
  );

  it.each(["//auth/me", "/auth/me/", "/auth/..;/auth/me", "/auth%2Fme", "/AUTH/me", "/nothing"])(
    "B-20: %s is another path, and not found",
    async (path) => {
      const authority = await startAuthority();
      const { access_token } = await authority.signedIn();
      expectRefusal(await authority.call("GET", path, { token: access_token }), 404, "not_found");
    },
  );

  it("BR-10: carries the security headers", async () => {
    const authority = await startAuthority();
    const { headers } = await authority.call("GET", "/auth/me");
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000; includeSubDomains");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });
});
