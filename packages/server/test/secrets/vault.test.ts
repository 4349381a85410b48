import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import { describe, expect, it, onTestFinished } from "vitest";

import type { VaultAuth } from "../../src/adapters/vault/index.ts";
import { createVaultKeyWrapper, createVaultSecret, readVaultEnvironment } from "../../src/adapters/vault/index.ts";
import { createKeySealer } from "../../src/index.ts";
import { freshKey, granted, startAuthority } from "../authority.ts";
import type { VaultService } from "./vault-service.ts";
import { startVault } from "./vault-service.ts";

const SECRET = Buffer.alloc(32, 7).toString("base64");
const context = { purpose: "access-token", kid: "the-kid", alg: "ES256" };

const secretIn = (vault: VaultService, auth: VaultAuth = { token: vault.rootToken }) =>
  createVaultSecret({ address: vault.url, auth, mount: "secret", path: "apps/latchkey" });
const wrapperIn = (vault: VaultService, auth: VaultAuth = { token: vault.rootToken }) =>
  createVaultKeyWrapper({ address: vault.url, auth, mount: "transit", key: "latchkey" });

async function failure(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

describe("OP-05: a master secret in Vault's KV engine, version 2", () => {
  it("is read with a token, with a token from a file, and with AppRole", async () => {
    const vault = await startVault();
    vault.kv.set("apps/latchkey", { master_secret: SECRET });
    const folder = mkdtempSync(join(tmpdir(), "latchkey-vault-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, `${vault.rootToken}\n`);
    expect(await secretIn(vault).read()).toBe(SECRET);
    expect(await secretIn(vault, { tokenFile }).read()).toBe(SECRET);
    expect(await secretIn(vault, { roleId: vault.roleId, secretId: vault.secretId }).read()).toBe(SECRET);
  });

  it("OP-03: is not made up where Vault refuses, has none, is sealed, sends elsewhere, hangs or is away", async () => {
    const vault = await startVault();
    const secret = secretIn(vault);
    const wrong = { token: "hvs.wrong-token" };
    expect((await failure(secretIn(vault, wrong).read())).message).toContain(
      "answered 403 to secret/data/apps/latchkey. Check the token",
    );
    expect((await failure(secret.read())).message).toContain("answered 404");
    vault.kv.set("apps/latchkey", { other: "x" });
    expect((await failure(secret.read())).message).toContain(
      "has no text in the field master_secret. Put one there: vault kv put",
    );
    vault.fault = { status: 503, body: { errors: ["Vault is sealed"] } };
    expect((await failure(secret.read())).message).toContain("answered 503 to secret/data/apps/latchkey. It is sealed");
    const elsewhere = await startVault();
    vault.fault = { status: 307, headers: { Location: `${elsewhere.url}/v1/secret/data/apps/latchkey` } };
    expect((await failure(secret.read())).message).toContain("That is a standby node");
    expect(elsewhere.requests).toEqual([]);
    vault.fault = { status: 200, body: "a page of a proxy" };
    expect((await failure(secret.read())).message).toContain("has no text in the field");
    vault.fault = "hang";
    expect((await failure(secret.read())).message).toContain("cannot be reached (no answer in time)");
    await vault.stop();
    expect((await failure(secret.read())).message).toContain("cannot be reached (ECONNREFUSED)");
  });

  it("is asked for over TLS, but of an agent on loopback, and nowhere but below its mount", async () => {
    const make =
      (address: string, path = "x") =>
      () =>
        createVaultSecret({ address, auth: { token: "t" }, mount: "secret", path });
    for (const address of [
      "http://vault.example.com",
      "ftp://127.0.0.1",
      "vault:8200",
      "https://user@vault.example.com",
    ]) {
      expect(make(address)).toThrow("VAULT_ADDR: must be an https: URL");
    }
    await expect(make("http://127.0.0.1:1", "../sys/seal")().read()).rejects.toThrow("no . or ..");
  });

  it("finds Vault by Vault's own variables", () => {
    const VAULT_ADDR = "https://vault.example.com";
    expect(readVaultEnvironment({ VAULT_ADDR, VAULT_TOKEN: "t", VAULT_NAMESPACE: "team" })).toEqual({
      address: VAULT_ADDR,
      auth: { token: "t" },
      namespace: "team",
    });
    expect(
      readVaultEnvironment({ VAULT_ADDR, VAULT_ROLE_ID: "r", VAULT_SECRET_ID: "s", VAULT_TOKEN: "t" }).auth,
    ).toEqual({
      roleId: "r",
      secretId: "s",
    });
  });
});

describe("an AppRole's token", () => {
  it("is fetched once for many requests, again before it expires, and again when it was withdrawn", async () => {
    const vault = await startVault();
    const wrapper = wrapperIn(vault, { roleId: vault.roleId, secretId: vault.secretId });
    const logins = (): number => vault.requests.filter(({ path }) => path.endsWith("/login")).length;
    vault.leaseSeconds = 1;
    await Promise.all([1, 2, 3, 4].map(() => wrapper.wrap(Buffer.alloc(32), context)));
    expect(logins()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 900));
    vault.leaseSeconds = 3_600;
    await Promise.all([1, 2, 3, 4].map(() => wrapper.wrap(Buffer.alloc(32), context)));
    expect(logins()).toBe(2);
    vault.tokens.clear();
    await wrapper.wrap(Buffer.alloc(32), context);
    expect(logins()).toBe(3);
  });

  it("that is refused is told as such, and asked for anew the next time", async () => {
    const vault = await startVault();
    const wrapper = wrapperIn(vault, { roleId: vault.roleId, secretId: "not-the-secret-id" });
    const error = await failure(wrapper.wrap(Buffer.alloc(32), context));
    expect(error).toMatchObject({
      name: "KeyServiceError",
      message: expect.stringContaining("answered 400 to sign-in") as string,
    });
    expect(inspect(error)).not.toContain("not-the-secret-id");
    const good = wrapperIn(vault, { roleId: vault.roleId, secretId: vault.secretId });
    vault.fault = { status: 503 };
    await failure(good.wrap(Buffer.alloc(32), context));
    vault.fault = undefined;
    await good.wrap(Buffer.alloc(32), context);
  });
});

describe("Vault's transit engine as the key service", () => {
  it("wraps data keys that nothing else opens, and opens them after its own key was rotated", async () => {
    const vault = await startVault();
    const sealer = createKeySealer(wrapperIn(vault));
    const sealed = await sealer.seal(Buffer.from("a private key"), context);
    expect(sealed).not.toContain(Buffer.from("a private key").toString("base64url"));
    vault.rotate("latchkey");
    expect(Buffer.from(await sealer.open(sealed, context)).toString()).toBe("a private key");
    await expect(sealer.open(sealed, { ...context, alg: "RS256" })).rejects.toThrow("answered 400");
  });

  it("OP-03: when it is away a node goes on and signs; a new key waits; the session lives, and a new node does not start", async () => {
    const vault = await startVault();
    const masterSecret = wrapperIn(vault);
    const node = await startAuthority({ masterSecret });
    const other = await node.beside({ masterSecret });
    let { refresh_token: token } = await node.signedIn();
    vault.fault = { status: 503 };
    const refresh = async () => node.refresh(token, { "Idempotency-Key": freshKey() });
    token = granted(await refresh()).refresh_token;
    await expect(node.beside({ masterSecret })).rejects.toThrow("Vault at");

    // The key that takes over is known; the one after it cannot be made.
    await node.server.rotateKeys();
    node.advance(5);
    token = granted(await refresh()).refresh_token;
    const [active] = await node.server.listKeys();
    expect(await node.server.revokeKey(active?.kid ?? "")).toBe(true);

    vault.fault = undefined;
    await expect
      .poll(async () => (await node.server.listKeys()).filter(({ state }) => state === "next").length, {
        timeout: 5_000,
      })
      .toBe(2);
    token = granted(await refresh()).refresh_token;
    expect(node.logs.filter((line) => line.includes("the key service cannot be asked"))).toHaveLength(1);
    granted(await other.refresh(token, { "Idempotency-Key": freshKey() }));
  });

  it("OP-03: a refresh token whose key cannot be opened yet is answered with 503, never that the session has ended", async () => {
    const vault = await startVault();
    const node = await startAuthority({ masterSecret: wrapperIn(vault) });
    const behind = await node.beside({
      masterSecret: [wrapperIn(vault, { roleId: vault.roleId, secretId: vault.secretId })],
    });
    const refreshKeys = (await node.server.listKeys()).filter(({ purpose }) => purpose === "refresh-token");
    // One node can ask Vault, the other no more; keys are made that it has not seen.
    vault.tokens.clear();
    vault.tokens.add(vault.rootToken);
    vault.refusesAppRole = true;
    for (const { kid } of refreshKeys.toReversed()) await node.server.revokeKey(kid);
    const session = await node.signedIn();
    const answer = await behind.refresh(session.refresh_token, { "Idempotency-Key": freshKey() });
    expect([answer.status, (answer.body as { error: string }).error]).toEqual([503, "unavailable"]);
    granted(await node.refresh(session.refresh_token, { "Idempotency-Key": freshKey() }));
  });
});

describe("what Vault's clients show", () => {
  it("holds no token, no secret id and no secret, in whatever form it is looked at, nor do their errors", async () => {
    const vault = await startVault();
    vault.kv.set("apps/latchkey", { master_secret: SECRET });
    const auth = { roleId: vault.roleId, secretId: vault.secretId };
    const secret = secretIn(vault, auth);
    const wrapper = wrapperIn(vault, { token: vault.rootToken });
    await secret.read();
    await wrapper.wrap(Buffer.alloc(32, 9), context);
    const shown: unknown[] = [secret, wrapper];
    for (const status of [307, 400, 403, 404, 500, 503]) {
      vault.fault = { status, body: { errors: [SECRET, vault.rootToken, vault.secretId] } };
      shown.push(await failure(secret.read()), await failure(wrapper.wrap(Buffer.alloc(32, 9), context)));
    }
    await vault.stop();
    shown.push(await failure(secret.read()));
    const text = shown
      .map((value) => `${inspect(value, { depth: 20, showHidden: true })} ${JSON.stringify(value)} ${String(value)}`)
      .join("\n");
    for (const hidden of [SECRET, vault.rootToken, vault.secretId, Buffer.alloc(32, 9).toString("base64")]) {
      expect(text).not.toContain(hidden);
    }
  });
});
