import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import type { AuthServerOptions } from "../src/index.ts";
import { ConfigurationError, createAuthServer, createSqliteStore } from "../src/index.ts";
import { ISSUER, MASTER_SECRET, startAuthority } from "./authority.ts";

function options(changed: object): AuthServerOptions {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-options-"));
  const store = createSqliteStore({ path: join(folder, "latchkey.db") });
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  return { issuer: ISSUER, store, masterSecret: MASTER_SECRET, ...changed };
}

describe("createAuthServer refuses to start", () => {
  it.each([
    ["with a plain http issuer", { issuer: "http://auth.example.com" }, "must be https:"],
    ["with an issuer that only looks like loopback", { issuer: "http://localhost.example.com" }, "must be https:"],
    [
      "with a trailing slash",
      { issuer: `${ISSUER}/` },
      "must be written as tokens will carry it: https://auth.example.com",
    ],
    ["with an upper-case host", { issuer: "https://Auth.example.com" }, "https://auth.example.com"],
    ["with a query", { issuer: `${ISSUER}?tenant=1` }, "must have no query"],
    ["with no URL", { issuer: "auth" }, "issuer: is no URL"],
    ["J-08 OP-05: with a short master secret", { masterSecret: new Uint8Array(31) }, "31 bytes; it needs at least 32"],
    [
      "with a password for a master secret",
      { masterSecret: "correct horse battery staple" },
      "openssl rand -base64 32",
    ],
    ["A-19: with a short text for a master secret", { masterSecret: "hunter2" }, "it needs at least 32"],
    ["with an empty master secret", { masterSecret: new Uint8Array(0) }, "it needs at least 32"],
    ["with an unknown option", { issuerr: ISSUER }, 'there is no option "issuerr"'],
    ["without an issuer", { issuer: undefined }, "issuer: is missing"],
    ["with a number out of its bounds", { auditRetentionDays: 1 }, "auditRetentionDays: must be at least 7"],
    ["with text for a number", { accessTokenTtlSeconds: "600" }, "accessTokenTtlSeconds: must be a number"],
    ["with a mode that there is not", { deviceSignals: "on" }, 'must be "off" or "notify" or "step-up" or "revoke"'],
    ["with text for a list", { allowedOrigins: "*" }, "allowedOrigins: must be a list"],
    ["AT-07: with access tokens that live over an hour", { accessTokenTtlSeconds: 3_601 }, "accessTokenTtlSeconds"],
    [
      "with an idle limit over the absolute one",
      { sessionIdleSeconds: 100, sessionMaxSeconds: 60 },
      "sessionIdleSeconds",
    ],
    [
      "with a webhook for a type of event that does not exist",
      {
        webhooks: [
          {
            id: "crm",
            url: "https://crm.example.com",
            secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
            types: ["session_ended"],
          },
        ],
      },
      "is no type of event",
    ],
    ["with room for no session", { maxSessionsPerUser: 0 }, "maxSessionsPerUser"],
    ["with an origin that has a path", { allowedOrigins: ["https://app.example.com/"] }, "is no origin"],
    ["with an origin on plain http", { allowedOrigins: ["http://app.example.com"] }, "must be https"],
    ["with any origin", { allowedOrigins: ["*"] }, "is no origin"],
    ["with a default scope that is not allowed", { scopes: { allowed: ["a"], default: ["b"] } }, "scopes.default"],
    [
      "IN-01: with a resource server's secret that could be guessed",
      { resourceServers: [{ id: "api", secret: "x".repeat(31) }] },
      "resourceServers.0.secret.0: must have at least 32 characters",
    ],
    ["with a resource server without a secret", { resourceServers: [{ id: "api", secret: [] }] }, "resourceServers.0"],
    [
      "with two resource servers of one id",
      { resourceServers: [1, 2].map((n) => ({ id: "api", secret: String(n).repeat(32) })) },
      "two with the id api",
    ],
    [
      "with a resource server for an audience that is none",
      { resourceServers: [{ id: "api", secret: "x".repeat(32), audiences: ["https://other.example.com"] }] },
      "api names https://other.example.com, which is not among audiences",
    ],
    [
      "with HS256 and no secret",
      { audiences: [{ audience: "https://api.example.com", alg: "HS256" }] },
      "needs a sharedSecret. Make one with: openssl rand -hex 32",
    ],
    [
      "A-19: with a shared secret that could be guessed",
      { audiences: [{ audience: "https://api.example.com", alg: "HS256", sharedSecret: "hunter2" }] },
      "must have at least 32 characters. Make one with: openssl rand -hex 32",
    ],
    [
      "with a shared secret that nothing is signed with",
      { audiences: [{ audience: "https://api.example.com", alg: "ES256", sharedSecret: "x".repeat(32) }] },
      "which is for HS256 alone",
    ],
    [
      "A-02: with tokens that nobody signs",
      { audiences: [{ audience: "a", alg: "none" }] },
      "audiences.0: alg must be",
    ],
    [
      "with roles in a claim that means something else",
      { audiences: [{ audience: "https://api.example.com", rolesClaim: "sub" }] },
      "Choose another rolesClaim",
    ],
    ["with two audiences of one name", { audiences: ["a", { audience: "a", alg: "RS256" }] }, "there are two named a"],
    [
      "with keys that would sign before they could be known",
      { keys: { rotationSeconds: 3_600, publishAheadSeconds: 3_600 } },
      "keys.publishAheadSeconds: must be shorter",
    ],
    ["with a scope that is two", { scopes: { allowed: ["a b"] } }, "is no scope"],
  ])("%s, and says how to mend it", (_what, changed, message) => {
    const start = (): unknown => createAuthServer(options(changed));
    expect(start).toThrow(ConfigurationError);
    expect(start).toThrow(message);
  });

  it("never repeats the master secret", () => {
    const secret = "not base64 but surely a secret!";
    expect(() => createAuthServer(options({ masterSecret: secret }))).not.toThrow(secret);
  });

  it("never repeats a resource server's secret", () => {
    const secret = "short but secret";
    for (const wrong of [secret, `${secret.repeat(3)}\n`, { secret }, [secret, secret]]) {
      const start = (): unknown => createAuthServer(options({ resourceServers: [{ id: "api", secret: wrong }] }));
      expect(start).toThrow("resourceServers.0.secret");
      expect(start).not.toThrow(secret);
    }
  });

  it("with another master secret than the database's keys were sealed with", async () => {
    const authority = await startAuthority();
    await expect(authority.restart({ masterSecret: new Uint8Array(32).fill(8) })).rejects.toThrow(
      "The master secret is not the one this database's keys were sealed with",
    );
  });

  it("on a database whose schema is newer than it knows", async () => {
    const { DatabaseSync } = await import("node:sqlite");
    const authority = await startAuthority();
    const database = new DatabaseSync(authority.path);
    database.exec("PRAGMA user_version = 999");
    database.close();
    await expect(authority.restart()).rejects.toThrow("Install a newer Latchkey");
  });
});

describe("createAuthServer accepts", () => {
  it.each([
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://[::1]:8080",
    "https://example.com/id",
    "https://example.com:8443",
  ])("%s as an issuer", (issuer) => {
    expect(createAuthServer(options({ issuer })).issuer).toBe(issuer);
  });

  it("a master secret as base64 or base64url text", async () => {
    const authority = await startAuthority({ masterSecret: Buffer.from(MASTER_SECRET).toString("base64") });
    const restarted = await authority.restart({ masterSecret: Buffer.from(MASTER_SECRET).toString("base64url") });
    expect((await restarted.call("GET", "/health/ready")).status).toBe(200);
  });
});
