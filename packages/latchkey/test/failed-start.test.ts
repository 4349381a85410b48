import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { describe, expect, it, onTestFinished } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { createTestDatabase, describeOnPostgres } from "../../server/test/stores/postgres-database.ts";
import { runLatchkey, temporaryFolder } from "./serve-process.ts";

const SECRET = Buffer.alloc(32, 7).toString("base64");

async function failedStart(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const port = String(await freePort());
  const withSecret = { LATCHKEY_MASTER_SECRET: SECRET, ...env };
  const { code, stdout, stderr } = await runLatchkey(["serve", "--port", port, ...args], withSecret);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(/^latchkey: [^\n]+\n$/);
  expect(stderr).not.toContain("hunter2");
  return stderr;
}

describe("latchkey serve that cannot start says in one sentence why, and ends with 1", () => {
  it("where its folder is a file", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    expect(await failedStart(["--data", file])).toBe(
      `latchkey: ${file} is not a folder. Choose another folder with --data or LATCHKEY_DATA, or mend this one.\n`,
    );
    expect(await failedStart(["--data", join(file, "below")])).toContain("is not in a folder.");
  });

  it.runIf(process.platform === "linux")("where the file system takes no new folders", async () => {
    expect(await failedStart(["--data", "/proc/latchkey/data"])).toContain("/proc/latchkey cannot be made.");
  });

  it.skipIf(process.getuid?.() === 0)("where its folder must not be written", async () => {
    const folder = join(temporaryFolder(), "read-only");
    mkdirSync(folder, { mode: 0o500 });
    expect(await failedStart(["--data", folder])).toContain("must not be read or written by this user.");
  });

  it("where the database is none", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "latchkey.db"), "This is no database. ".repeat(500));
    expect(await failedStart(["--data", folder])).toBe(
      "latchkey: latchkey.db is damaged, or no database. Restore it from a backup.\n",
    );
  });

  it("where another process holds the database", { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const other = new DatabaseSync(join(folder, "latchkey.db"));
    onTestFinished(() => other.close());
    other.exec("BEGIN EXCLUSIVE");
    expect(await failedStart(["--data", folder])).toContain("the database is locked by another process.");
  });

  it("where this machine has not the address", async () => {
    expect(await failedStart(["--data", temporaryFolder(), "--host", "192.0.2.1"])).toContain(
      "this machine has no such address.",
    );
  });

  it("where the port of the metrics is taken, and not the other", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    expect(await failedStart(["--data", temporaryFolder(), "--metrics-port", String(port)])).toBe(
      `latchkey: --metrics-port: 127.0.0.1, port ${port}, cannot be listened on (EADDRINUSE). Choose another port or address.\n`,
    );
  });

  it.each([
    [["--change-email-url", "https://app.example.com/change"], {}, "--change-email-url"],
    [["--mail-from", "us@example.com"], {}, "--mail-from"],
    [[], { LATCHKEY_SMTP_URL: "smtps://user:hunter2@127.0.0.1" }, "LATCHKEY_SMTP_URL"],
  ])("where mail is set up and none would be sent: %j %j", async (args, env, name) => {
    expect(await failedStart(["--data", temporaryFolder(), ...args], env)).toBe(
      `latchkey: ${name} needs --verify-email-url and --reset-password-url: no mail is sent without.\n`,
    );
  });

  it.each([
    [["--trusted-proxy", "everybody"], {}, "--trusted-proxy: everybody is neither"],
    [["--api-tokens"], {}, "--api-tokens: need"],
    [[], { LATCHKEY_DATABASE_URL: "mysql://hunter2" }, "LATCHKEY_DATABASE_URL: must begin with postgres://"],
    [[], { LATCHKEY_REDIS_URL: "hunter2" }, "LATCHKEY_REDIS_URL: must begin with redis://"],
  ])("where an option cannot be served, by the name it was given by: %j %j", async (args, env, sentence) => {
    expect(await failedStart(["--data", temporaryFolder(), ...args], env)).toContain(sentence);
  });

  it("where several cannot be served, with a line for each", async () => {
    const env = { LATCHKEY_MASTER_SECRET: SECRET, LATCHKEY_CLIENTS: '[{"clientId":"shop"}]' };
    const args = ["serve", "--data", temporaryFolder(), "--key-rotation", "5", "--audit-retention", "1"];
    expect((await runLatchkey(args, env)).stderr.split("\n").slice(1)).toEqual([
      "  --key-rotation: must be at least 10",
      "  LATCHKEY_CLIENTS.0.name: is missing",
      "  LATCHKEY_CLIENTS.0.redirectUris: is missing",
      "  --audit-retention: must be at least 7",
      "",
    ]);
  });

  it("where PostgreSQL is away", async () => {
    const env = {
      LATCHKEY_DATABASE_URL: `postgres://latchkey:hunter2@127.0.0.1:${await freePort()}/latchkey`,
      LATCHKEY_MASTER_SECRET: SECRET,
    };
    expect(await failedStart(["--data", temporaryFolder()], env)).toBe(
      "latchkey: the database, Redis or the mail server cannot be reached (ECONNREFUSED). Is it running, and is its URL right?\n",
    );
  });

  it("where Redis is away", async () => {
    const env = { LATCHKEY_REDIS_URL: `redis://user:hunter2@127.0.0.1:${await freePort()}` };
    expect(await failedStart(["--data", temporaryFolder()], env)).toBe(
      "latchkey: Redis cannot be reached. Is it running, and is its URL right?\n",
    );
  });
});

describeOnPostgres("latchkey serve on a PostgreSQL that does not let it in", () => {
  it.each([
    ["for its password", { password: "hunter2" }, "PostgreSQL refuses the user or the password"],
    ["for want of the database", { pathname: "/nowhere" }, "PostgreSQL has no database of the name"],
  ] as const)("%s says so", async (_what, change, sentence) => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const url = new URL(database.url);
    Object.assign(url, change);
    const env = { LATCHKEY_DATABASE_URL: url.href, LATCHKEY_MASTER_SECRET: SECRET };
    expect(await failedStart(["--data", temporaryFolder()], env)).toContain(sentence);
  });
});
