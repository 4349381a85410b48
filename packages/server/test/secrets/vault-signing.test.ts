import { inspect } from "node:util";

import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import type { JSONWebKeySet } from "jose";
import { describe, expect, it } from "vitest";

import { createVaultSigningService } from "../../src/adapters/vault/index.ts";
import { createKeySealer, createSqliteStore } from "../../src/index.ts";
import { openAccessKey } from "../../src/keys/access-key.ts";
import type { TestAuthority } from "../authority.ts";
import { freshKey, granted, ISSUER, MASTER_SECRET, PASSWORD, startAuthority } from "../authority.ts";
import { readFeed } from "../revocations/feed-reader.ts";
import type { VaultService } from "./vault-service.ts";
import { startVault } from "./vault-service.ts";

const serviceOf = (vault: VaultService) =>
  createVaultSigningService({ address: vault.url, auth: { token: vault.rootToken }, mount: "transit" });

const signingKeys = (vault: VaultService): string[] =>
  [...vault.keys.keys()].filter((name) => name.startsWith("latchkey-"));

async function expectVerified(node: TestAuthority, token: string): Promise<void> {
  const { body } = await node.call("GET", "/.well-known/jwks.json");
  await jwtVerify(token, createLocalJWKSet(body as JSONWebKeySet), {
    issuer: ISSUER,
    currentDate: new Date(node.now() * 1000),
  });
}

const keyed = () => ({ "Idempotency-Key": freshKey() });

describe("access tokens signed by Vault's transit engine", () => {
  it.each(["ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA", "Ed25519"] as const)(
    "%s: are verified with the published key alone, whose private half was never here",
    async (alg) => {
      const vault = await startVault();
      const audiences = [{ audience: ISSUER, alg }];
      const node = await startAuthority({ signingService: serviceOf(vault), audiences });
      const { access_token: token } = await node.signedIn();
      expect(decodeProtectedHeader(token).alg).toBe(alg);
      if (alg !== "Ed25519") await expectVerified(node, token);
      expect((await node.call("GET", "/auth/me", { token })).status).toBe(200);

      const store = createSqliteStore({ path: node.path });
      const keys = (await store.keys.listKeys()).filter(({ purpose }) => purpose === "access-token");
      await store.close();
      const sealer = createKeySealer(MASTER_SECRET);
      for (const key of keys) {
        const opened = JSON.parse(Buffer.from(await sealer.open(key.sealed ?? "", key)).toString()) as object;
        expect(Object.keys(opened)).toEqual(["service", "reference", "publicJwk"]);
        expect(JSON.stringify(opened)).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/);
      }
    },
  );

  it("are told of by the feed and rotated as others are, and Vault keeps no key that is over", async () => {
    const vault = await startVault();
    const node = await startAuthority({
      signingService: serviceOf(vault),
      revocationFeed: { access: "public" },
      statusList: true,
    });
    const session = await node.signedIn();
    expect((await node.call("GET", "/status/lists/0")).status).toBeLessThan(500);
    expect(signingKeys(vault)).toHaveLength(2);
    const [first] = await node.server.listKeys();
    await node.server.revokeKey(first?.kid ?? "");
    expect((await readFeed(node.server)).flatMap(({ revocations }) => revocations)).toContainEqual(
      expect.objectContaining({ id: first?.kid }),
    );
    const refreshed = granted(await node.refresh(session.refresh_token, keyed()));
    expect(decodeProtectedHeader(refreshed.access_token).kid).not.toBe(first?.kid);
    await expectVerified(node, refreshed.access_token);
    await expect.poll(() => signingKeys(vault).length, { timeout: 5_000 }).toBe(2);
  });

  it("come from one key, though four nodes start at once: the keys of those who were late are removed", async () => {
    const vault = await startVault();
    const signingService = serviceOf(vault);
    const first = await startAuthority();
    await first.server.close();
    const rs256 = { signingService, audiences: [{ audience: ISSUER, alg: "ES384" as const }] };
    const nodes = await Promise.all([1, 2, 3, 4].map(() => first.beside(rs256)));
    expect(signingKeys(vault)).toHaveLength(2);
    const kids = await Promise.all(
      nodes.map(async (node, index) => {
        const { access_token: token } = await node.signedIn({ email: `user-${index}@example.com` });
        return decodeProtectedHeader(token).kid;
      }),
    );
    expect(new Set(kids).size).toBe(1);
  });

  it("take over from keys that were made here, by a rotation, and nobody is signed out", async () => {
    const vault = await startVault();
    const before = await startAuthority();
    const session = await before.signedIn();
    const node = await before.restart({ signingService: serviceOf(vault) });
    for (let rotations = 0; rotations < 2; rotations++) {
      node.advance(7_300);
      await node.server.rotateKeys();
      node.advance(6);
      await expect
        .poll(async () => (await node.server.listKeys()).filter(({ state }) => state === "next").length, {
          timeout: 5_000,
        })
        .toBe(2);
    }
    const { access_token: token } = granted(await node.refresh(session.refresh_token, keyed()));
    await expectVerified(node, token);
    const { kid } = decodeProtectedHeader(token);
    const sealer = createKeySealer(MASTER_SECRET);
    const store = createSqliteStore({ path: node.path });
    const row = (await store.keys.listKeys()).find((key) => key.kid === kid);
    await store.close();
    expect(
      Buffer.from(await sealer.open(row?.sealed ?? "", row ?? { purpose: "", kid: "", alg: "" })).toString(),
    ).toContain("vault-transit:transit");
    await node.server.close();
    await expect(before.beside()).rejects.toThrow(
      /is in the signing service vault-transit:transit\. Give the authority that service/,
    );
  });
});

describe("OP-03: when the signing service is away", () => {
  it.each([
    ["is sealed", { status: 503 }],
    ["refuses the token", { status: 403 }],
    ["answers rubbish", { status: 200, body: { data: { signature: "vault:v1:AAAA" } } }],
    ["answers a page", { status: 200, body: "<html>" }],
  ])(
    "%s: a refresh is answered with 503 and nothing has moved: much later the same token is exchanged, without any attempt key",
    async (_how, fault) => {
      const vault = await startVault();
      const node = await startAuthority({ signingService: serviceOf(vault) });
      const session = await node.signedIn();
      vault.fault = fault;
      for (let tries = 0; tries < 3; tries++) {
        const answer = await node.refresh(session.refresh_token);
        expect([answer.status, (answer.body as { error: string }).error]).toEqual([503, "unavailable"]);
        node.advance(60);
      }
      vault.fault = undefined;
      const refreshed = granted(await node.refresh(session.refresh_token));
      await expectVerified(node, refreshed.access_token);
      granted(await node.refresh(refreshed.refresh_token));
    },
  );

  it("a sign-in is answered with 503, begins no session, and ends none that it would replace", async () => {
    const vault = await startVault();
    const node = await startAuthority({ signingService: serviceOf(vault), maxSessionsPerUser: 1 });
    const session = await node.signedIn();
    vault.fault = { status: 503 };
    const json = { email: "ada@example.com", password: PASSWORD };
    expect((await node.call("POST", "/auth/login", { json })).status).toBe(503);
    vault.fault = undefined;
    granted(await node.refresh(session.refresh_token, keyed()));
  });

  it("that hangs costs three seconds, and what needs no signature is answered meanwhile", async () => {
    const vault = await startVault();
    const node = await startAuthority({ signingService: serviceOf(vault) });
    const session = await node.signedIn();
    vault.fault = "hang";
    const begun = performance.now();
    const refreshing = node.refresh(session.refresh_token, keyed());
    expect((await node.call("GET", "/auth/me", { token: session.access_token })).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(2_500);
    expect((await refreshing).status).toBe(503);
    expect(performance.now() - begun).toBeLessThan(8_000);
  });
});

describe("a signature of the service", () => {
  it("by another key than the published one is never handed out", async () => {
    const vault = await startVault();
    const node = await startAuthority({ signingService: serviceOf(vault) });
    const session = await node.signedIn();
    // Somebody replaces the key under its name.
    for (const name of signingKeys(vault)) {
      vault.rotate(name);
      vault.keys.get(name)?.versions.shift();
    }
    expect((await node.refresh(session.refresh_token, keyed())).status).toBe(503);
    expect(node.logs.join("\n")).toContain("signed with another key");
  });

  it("is by the version that was published, though somebody rotates the key in Vault", async () => {
    const vault = await startVault();
    const node = await startAuthority({ signingService: serviceOf(vault) });
    for (const name of signingKeys(vault)) vault.rotate(name);
    const { access_token: token } = await node.signedIn();
    await expectVerified(node, token);
  });

  it("needs nothing that inspect, JSON or toString would show", async () => {
    const vault = await startVault();
    const signingService = serviceOf(vault);
    const node = await startAuthority({ signingService });
    const store = createSqliteStore({ path: node.path });
    const [row] = (await store.keys.listKeys()).filter(({ purpose }) => purpose === "access-token");
    await store.close();
    if (row === undefined) throw new Error("there is a key");
    const key = await openAccessKey({ sealer: createKeySealer(MASTER_SECRET), signingService }, row);
    const session = await node.signedIn();
    vault.fault = { status: 403, body: { errors: [vault.rootToken] } };
    await node.refresh(session.refresh_token, keyed());
    const shown = [signingService, key, node.server]
      .map(
        (value: unknown) =>
          `${inspect(value, { depth: 20, showHidden: true })} ${JSON.stringify(value)} ${String(value)}`,
      )
      .concat(node.logs);
    expect(shown.join("\n")).not.toContain(vault.rootToken);
  });
});
