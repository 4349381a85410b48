import { describe, expect, it } from "vitest";

import { PASSWORD, startAuthority } from "../authority.ts";

const PAGE = "https://app.example.com";

const everywhere = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
const toPages = { ...everywhere, vary: "Origin" };
const allowedOrigin = {
  "access-control-allow-origin": PAGE,
  "access-control-allow-credentials": "true",
  "access-control-expose-headers": "WWW-Authenticate,Retry-After,DPoP-Nonce",
};
const json = { "content-type": "application/json" };
const uncached = { "cache-control": "no-store" };
const secret = { ...json, ...uncached, pragma: "no-cache" };

/** Everything but cookies, whose values differ. */
async function headersOf([method, path, call]: readonly [method: string, path: string, call: object]) {
  const authority = await startAuthority({ allowedOrigins: [PAGE] });
  await authority.call("POST", "/auth/signup", { json: { email: "ada@example.com", password: PASSWORD } });
  const { status, headers } = await authority.call(method, path, call);
  headers.delete("set-cookie");
  return { status, headers: Object.fromEntries(headers) };
}

describe("BR-10: every answer carries the security headers, once, and no others but its own", () => {
  const login = { json: { email: "ada@example.com", password: PASSWORD } };
  const failed = { json: { refresh_token: "x" } };
  const refused = { ...toPages, ...secret, "www-authenticate": "Bearer" };
  it.each([
    ["a success", ["POST", "/auth/login", login], 200, { ...toPages, ...secret }],
    [
      "a success with cookies",
      ["POST", "/auth/login", { ...login, headers: { Origin: PAGE } }],
      200,
      { ...toPages, ...allowedOrigin, ...secret },
    ],
    ["an answer without a body", ["POST", "/auth/logout", failed], 204, { ...toPages, ...uncached }],
    [
      "a refusal",
      ["POST", "/auth/refresh", { ...failed, headers: { Origin: PAGE } }],
      401,
      { ...refused, ...allowedOrigin },
    ],
    [
      "a refusal to another origin",
      ["POST", "/auth/refresh", { ...failed, headers: { Origin: `${PAGE}.evil.example` } }],
      401,
      refused,
    ],
    ["a path below /auth that is not there", ["GET", "/auth/nothing", {}], 404, { ...toPages, ...secret }],
    ["a path that is not there", ["GET", "/nothing", {}], 404, { ...everywhere, ...secret }],
    ["a path that only begins like /auth", ["GET", "/authority", {}], 404, { ...everywhere, ...secret }],
    ["a method that is not there", ["PUT", "/auth/me", {}], 405, { ...toPages, ...secret, allow: "GET, DELETE" }],
    ["an answer about health", ["GET", "/health/live", {}], 200, { ...everywhere, ...json, ...uncached }],
    [
      "what is public",
      ["GET", "/.well-known/openid-configuration", { headers: { Origin: "https://anybody.example" } }],
      200,
      { ...everywhere, ...json, "access-control-allow-origin": "*", "cache-control": "public, max-age=300" },
    ],
  ] as const)("%s", async (_what, request, status, headers) => {
    expect(await headersOf(request)).toEqual({ status, headers });
  });
});

describe("BR-04: a browser that asks first", () => {
  const asked = {
    ...toPages,
    "access-control-allow-headers": "Content-Type,Authorization,X-CSRF-Token,Latchkey-Attempt,Idempotency-Key,DPoP",
    "access-control-allow-methods": "GET,POST,DELETE",
    "access-control-max-age": "600",
    vary: "Origin, Access-Control-Request-Headers",
  };

  it("is told what a page of an allowed origin may send", async () => {
    expect(await headersOf(["OPTIONS", "/auth/refresh", { headers: { Origin: PAGE } }])).toEqual({
      status: 204,
      headers: { ...asked, ...allowedOrigin },
    });
  });

  it("is told nothing of origins and credentials for a page of another", async () => {
    const evil = { headers: { Origin: "https://evil.example" } };
    expect(await headersOf(["OPTIONS", "/auth/refresh", evil])).toEqual({ status: 204, headers: asked });
  });
});
