import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { inspect } from "node:util";

import type { KeySealer } from "@latchkey/server";
import { ConfigurationError, KeyServiceError, openKeySealer } from "@latchkey/server";

import { describe, expect, it } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { readSecretEnvironment } from "../src/environment.ts";
import { openMasterSecrets } from "../src/open-master-secrets.ts";
import { openSigningService } from "../src/open-signing-service.ts";
import type { Finished } from "./serve-process.ts";
import { runLatchkey, startServe, temporaryFolder } from "./serve-process.ts";

const newSecret = (): string => randomBytes(32).toString("base64");

/** What the environment names, as `latchkey serve` reads it. */
async function openSecrets(env: Readonly<Record<string, string>>): Promise<KeySealer> {
  const { masterSecretSources: sources } = readSecretEnvironment(env);
  const options = { dataPath: temporaryFolder(), sources, mayMakeSecret: false, env };
  return openKeySealer((await openMasterSecrets(options)).masterSecrets);
}

async function refusedStart(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  folder = temporaryFolder(),
): Promise<Finished> {
  const finished = await runLatchkey(["serve", "--port", "0", "--data", folder, ...args], env);
  expect(finished).toMatchObject({ code: 1, stdout: "" });
  // One sentence or two, on one line; no stack.
  expect(finished.stderr).toMatch(/^latchkey: [^\n]+\n$/);
  return finished;
}

describe("OP-05: the first start", () => {
  it("makes a master secret that only its owner can read, says where, and says so once", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "master-secret");
    const first = await startServe(folder, await freePort());
    expect(first.output()).toContain(`Made a master secret: ${path}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(first.output()).not.toContain(readFileSync(path, "utf8").trim());
    const second = await startServe(folder, await freePort());
    expect(second.output()).not.toContain("Made a master secret");
  });

  it.each([
    ["NODE_ENV=production", { NODE_ENV: "production" }, []],
    ["an https issuer", {}, ["--issuer", "https://auth.example.com"]],
  ])("in production (%s) makes none, and says how to give one", async (_how, env, args) => {
    const folder = temporaryFolder();
    const { stderr } = await refusedStart(env, args, folder);
    expect(stderr).toContain("in production (NODE_ENV=production, or an https issuer) none is made up. Give one with");
    expect(existsSync(join(folder, "master-secret"))).toBe(false);
  });

  it("in production makes one where it is told to, and goes on with it", async () => {
    const folder = temporaryFolder();
    const env = { NODE_ENV: "production" };
    const first = await startServe(folder, await freePort(), env, ["--make-master-secret"]);
    expect(first.output()).toContain("Made a master secret");
    await startServe(folder, await freePort(), env);
  });
});

describe("OP-05: a data folder that others could plant something in stops the start, and says how to mend it", () => {
  it.each([0o777, 0o770, 0o702])("with mode %o", async (mode) => {
    const folder = temporaryFolder();
    chmodSync(folder, mode);
    const { stderr } = await refusedStart({}, [], folder);
    expect(stderr).toBe(`latchkey: ${folder} can be written to by others. Mend it with: chmod go-w ${folder}\n`);
    expect(existsSync(join(folder, "master-secret"))).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)("of another user's", async () => {
    const folder = temporaryFolder();
    chownSync(folder, 12_345, 12_345);
    const { stderr } = await refusedStart({}, [], folder);
    expect(stderr).toContain(`${folder} belongs to another user (12345).`);
    expect(stderr).toContain(`mend it with: chown 0 ${folder}`);
  });

  it.skipIf(process.getuid?.() !== 0)("with another user's master secret in it", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "master-secret");
    writeFileSync(path, newSecret(), { mode: 0o600 });
    chownSync(path, 12_345, 12_345);
    const { stderr } = await refusedStart({}, [], folder);
    expect(stderr).toBe(`latchkey: ${path} belongs to another user (12345). Mend it with: chown 0 ${path}\n`);
  });
});

describe("OP-05: a master secret that is missing, weak or open to others stops the start", () => {
  it.each([
    ["a password", { LATCHKEY_MASTER_SECRET: "correct horse" }, "LATCHKEY_MASTER_SECRET: must be base64 text"],
    ["a short one", { LATCHKEY_MASTER_SECRET: "hunter2" }, "it needs at least 32 random ones. Make one with: openssl"],
    ["an empty one", { LATCHKEY_MASTER_SECRET: "" }, "LATCHKEY_MASTER_SECRET is empty. Make a secret with"],
    [
      "two at once",
      { LATCHKEY_MASTER_SECRET: newSecret(), LATCHKEY_MASTER_SECRET_FILE: "/x" },
      "LATCHKEY_MASTER_SECRET and LATCHKEY_MASTER_SECRET_FILE are both set",
    ],
    [
      "a file that is not there",
      { LATCHKEY_MASTER_SECRET_FILE: "/no/such/file" },
      "/no/such/file cannot be read (ENOENT)",
    ],
    ["a folder", { LATCHKEY_MASTER_SECRET_FILE: "/" }, "is no file. Check the path."],
    ["an unknown source", { LATCHKEY_MASTER_SECRET_FROM: "carrier-pigeon:x" }, "a source must be one of env:NAME"],
    ["a variable that is not set", { LATCHKEY_MASTER_SECRET_FROM: "env:NOWHERE" }, "NOWHERE is not set"],
    [
      "others without a first",
      { LATCHKEY_MASTER_SECRET_ALSO: "file:/x" },
      "LATCHKEY_MASTER_SECRET_ALSO names what opens keys: say what seals them",
    ],
    [
      "a Vault that nobody named",
      { LATCHKEY_MASTER_SECRET_FROM: "vault-kv:secret/latchkey" },
      "VAULT_ADDR is not set: where is Vault?",
    ],
    [
      "a Vault without TLS",
      { LATCHKEY_MASTER_SECRET_FROM: "vault-kv:secret/latchkey", VAULT_ADDR: "http://vault:8200", VAULT_TOKEN: "t" },
      "VAULT_ADDR: must be an https: URL",
    ],
    [
      "a Vault that asks who it is",
      { LATCHKEY_MASTER_SECRET_FROM: "vault-kv:secret/latchkey", VAULT_ADDR: "https://127.0.0.1:1" },
      "set VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_TOKEN_FILE, or VAULT_TOKEN",
    ],
    [
      "a Vault that is away",
      {
        LATCHKEY_MASTER_SECRET_FROM: "vault-kv:secret/latchkey",
        VAULT_ADDR: "http://127.0.0.1:1",
        VAULT_TOKEN: "hunter2",
      },
      "Vault at http://127.0.0.1:1 cannot be reached",
    ],
    [
      "a secret of Google's without its project",
      { LATCHKEY_MASTER_SECRET_FROM: "google-sm:latchkey" },
      "google-sm: needs a secret's name, as in google-sm:projects/",
    ],
    [
      "a key of Google's without its project",
      { LATCHKEY_MASTER_SECRET_FROM: "google-kms:latchkey" },
      "google-kms: needs a key's name, as in google-kms:projects/",
    ],
    [
      "a secret of Azure's without its vault",
      { LATCHKEY_MASTER_SECRET_FROM: "azure-secret:latchkey" },
      "needs an identifier of one of its secrets, as in https://mine.vault.azure.net/secrets/latchkey",
    ],
    [
      "a key of Azure's without its version",
      { LATCHKEY_MASTER_SECRET_FROM: "azure-key:https://mine.managedhsm.azure.net/keys/latchkey" },
      "azure-key: needs a version of the key",
    ],
    [
      "a PostgreSQL without one",
      { LATCHKEY_DATABASE_URL: "postgres://localhost/x" },
      "LATCHKEY_DATABASE_URL needs LATCHKEY_MASTER_SECRET",
    ],
  ])("%s", async (_what, env, message) => {
    const error: unknown = await openSecrets(env).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining(message) as string });
    expect(error instanceof ConfigurationError || error instanceof KeyServiceError).toBe(true);
    expect(inspect(error)).not.toMatch(/hunter2|correct horse|carrier-pigeon/);
  });

  it("and says so in one line on standard error", async () => {
    const env = {
      LATCHKEY_MASTER_SECRET_FROM: "vault-kv:secret/latchkey",
      VAULT_ADDR: "http://127.0.0.1:1",
      VAULT_TOKEN: "hunter2",
    };
    const { stderr } = await refusedStart(env);
    expect(stderr).toContain("latchkey: Vault at http://127.0.0.1:1 cannot be reached");
    expect(stderr).not.toContain("hunter2");
  });

  it.each([0o644, 0o640, 0o604, 0o660])("a file of mode %o", async (mode) => {
    const path = join(temporaryFolder(), "secret");
    writeFileSync(path, newSecret());
    chmodSync(path, mode);
    await expect(openSecrets({ LATCHKEY_MASTER_SECRET_FILE: path })).rejects.toThrow(
      `${path} can be read by others. Mend it with: chmod 600 ${path}`,
    );
  });

  it("another one than the keys were sealed with", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());
    server.child.kill("SIGKILL");
    const { stderr } = await refusedStart({ LATCHKEY_MASTER_SECRET: newSecret() }, [], folder);
    expect(stderr).toContain("The master secret is not the one this database's keys were sealed with");
  });
});

describe("latchkey serve", () => {
  it("does not start with a clock that is days behind the one its keys were made by, and says how to mend it", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());
    server.child.kill("SIGKILL");
    await once(server.child, "exit");
    const database = new DatabaseSync(join(folder, "latchkey.db"));
    database.exec("UPDATE signing_key SET created_at = created_at + 7 * 86400");
    database.close();
    const { stderr } = await refusedStart({}, [], folder);
    expect(stderr).toMatch(/The clock says .*, but the key .* was made at .*\. Set the machine's clock; or,/);
  });
});

describe("LATCHKEY_SIGNING_SERVICE", () => {
  it("that is unknown, or away at the first start, stops the start in one sentence", async () => {
    await expect(openSigningService({ LATCHKEY_SIGNING_SERVICE: "abacus" })).rejects.toThrow(
      "LATCHKEY_SIGNING_SERVICE: must be vault-transit:MOUNT.",
    );
    const vault = { VAULT_ADDR: "http://127.0.0.1:1", VAULT_TOKEN: "hunter2" };
    const { stderr } = await refusedStart({
      LATCHKEY_SIGNING_SERVICE: "vault-transit:transit",
      LATCHKEY_MASTER_SECRET: newSecret(),
      ...vault,
    });
    expect(stderr).toContain("Vault at http://127.0.0.1:1 cannot be reached");
    expect(stderr).not.toContain("hunter2");
  });
});

describe("latchkey keys reseal", () => {
  it("moves the keys from the data folder's secret to a file's, beside a running server, and leaves the old one out", async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const before = await startServe(folder, port);
    const user = { email: "ada@example.com", password: "correct horse battery staple" };
    const post = (url: string, body: object): Promise<Response> =>
      fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    await post(`${before.url}/auth/signup`, user);
    const session = (await (await post(`${before.url}/auth/login`, user)).json()) as { refresh_token: string };

    const path = join(temporaryFolder(), "new");
    writeFileSync(path, newSecret(), { mode: 0o600 });
    const also = `file:${join(folder, "master-secret")}`;
    const env = { LATCHKEY_MASTER_SECRET_FILE: path, LATCHKEY_MASTER_SECRET_ALSO: also };
    expect(await runLatchkey(["keys", "reseal", "--data", folder], env)).toEqual({
      code: 0,
      stdout: "Sealed anew: 4 keys.\n",
      stderr: "",
    });
    // The one that runs has them open.
    const refreshed = await post(`${before.url}/auth/refresh`, { refresh_token: session.refresh_token });
    expect(refreshed.status).toBe(200);
    before.child.kill("SIGKILL");
    await once(before.child, "exit");

    mkdirSync(join(folder, "kept-elsewhere"));
    renameSync(join(folder, "master-secret"), join(folder, "kept-elsewhere/master-secret"));
    const after = await startServe(folder, port, { LATCHKEY_MASTER_SECRET_FILE: path });
    const { refresh_token: token } = (await refreshed.json()) as { refresh_token: string };
    expect((await post(`${after.url}/auth/refresh`, { refresh_token: token })).status).toBe(200);
    expect(
      (await runLatchkey(["keys", "reseal", "--data", folder], { LATCHKEY_MASTER_SECRET_FILE: path })).stdout,
    ).toBe("Sealed anew: 0 keys.\n");
  });

  it("changes nothing where a secret is missing, and says which", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());
    const { code, stderr } = await runLatchkey(["keys", "reseal", "--data", folder], {
      LATCHKEY_MASTER_SECRET: newSecret(),
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^latchkey: The master secret is not the one [^\n]+\n$/);
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  });
});
