import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { describe, expect, it, onTestFinished } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { createTestDatabase, describeOnPostgres } from "../../server/test/stores/postgres-database.ts";
import { FOREIGN_HASHES } from "../../server/test/foreign-hashes.ts";
import type { Finished } from "./serve-process.ts";
import { runLatchkey, startServe, temporaryFolder } from "./serve-process.ts";

const PASSWORD = "correct horse battery staple";
const HASH = FOREIGN_HASHES.find(({ kind }) => kind === "bcrypt 2b")?.hash ?? "";
const BIN = join(import.meta.dirname, "../src/main.ts");

function file(folder: string, name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function summary(imported: string, alreadyThere: string, bad: string): string {
  return `Imported: ${imported}\nAlready there, and left alone: ${alreadyThere}\nBad rows, and left out: ${bad}\n`;
}

function jsonRow(email: string, others: object = {}): string {
  return JSON.stringify({ email, password_hash: HASH, ...others });
}

async function post(url: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body), headers });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function importFile(
  folder: string,
  path: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return runLatchkey(["users", "import", path, "--data", folder, ...flags], env);
}

describe("latchkey users import", () => {
  it("makes accounts of JSON lines, who sign in with the passwords they had", async () => {
    const folder = temporaryFolder();
    const django = FOREIGN_HASHES.find(({ kind }) => kind === "Django pbkdf2_sha256")?.hash;
    const path = file(folder, "users.jsonl", [
      `\uFEFF${jsonRow("Ada@Example.com", { id: "user-1", name: "Ada", email_verified: true, roles: ["admin"] })}`,
      "",
      jsonRow("bob@example.com", { password_hash: django, created_at: "2019-05-01T12:00:00Z" }),
      jsonRow("eve@example.com", { disabled: true }),
    ]);

    expect(await importFile(folder, path)).toEqual({ code: 0, stdout: summary("3", "0", "0"), stderr: "" });

    const server = await startServe(folder, await freePort());
    const login = (email: string) => post(`${server.url}/auth/login`, { email, password: PASSWORD });
    expect(await login("ada@example.com")).toMatchObject({
      status: 200,
      body: { user: { id: "user-1", name: "Ada", email: "ada@example.com", email_verified: true, roles: ["admin"] } },
    });
    expect(await login("bob@example.com")).toMatchObject({
      status: 200,
      body: { user: { created_at: "2019-05-01T12:00:00.000Z", email_verified: false, name: null, roles: [] } },
    });
    expect(await login("eve@example.com")).toMatchObject({ status: 403, body: { error: "account_disabled" } });
  });

  it("makes accounts of CSV, quoted or not", async () => {
    const folder = temporaryFolder();
    const path = file(folder, "users.CSV", [
      "email,password_hash,name,email_verified,roles,created_at,disabled",
      `ada@example.com,"${HASH}","Lovelace, ""Ada""",t,admin editor,1556712000,`,
      `bob@example.com,${HASH},,0,,,false`,
    ]);

    expect(await importFile(folder, path)).toEqual({ code: 0, stdout: summary("2", "0", "0"), stderr: "" });

    const { stdout } = await runLatchkey(["users", "list", "--data", folder]);
    expect(stdout).toMatch(
      /^ADDRESS\tID\tNOTES\nada@example.com\t[\w-]{36}\troles: admin, editor\nbob@example.com\t[\w-]{36}\taddress not verified\n$/,
    );
  });

  it("leaves bad rows out and says which they are and why, without what they hold", async () => {
    const folder = temporaryFolder();
    const path = file(folder, "users.jsonl", [
      jsonRow("ada@example.com"),
      jsonRow("not an address"),
      '{"email": "half',
      jsonRow("bob@example.com", { password_hash: "hunter2 in the clear" }),
      jsonRow("cat@example.com", { password_hash: `$2b$31$${"a".repeat(53)}` }),
      jsonRow("dog@example.com", { is_admin: true }),
      '["an", "array"]',
      jsonRow("fox@example.com"),
    ]);

    const { code, stdout, stderr } = await importFile(folder, path);

    expect({ code, stdout }).toEqual({ code: 1, stdout: summary("2", "0", "6") });
    const costs = "password_hash: is of no kind that can be checked, or costs too much (see docs/passwords.md)";
    expect(stderr.trim().split("\n")).toEqual([
      "line 2: email: is no plain e-mail address",
      "line 3: is no JSON",
      `line 4: ${costs}`,
      `line 5: ${costs}`,
      expect.stringMatching(/^line 6: .*is_admin/),
      expect.stringMatching(/^line 7: .*expected object/),
    ]);
    expect(stderr).not.toMatch(/hunter2|@example/);
  });

  it("leaves bad rows of CSV out as well", async () => {
    const folder = temporaryFolder();
    const path = file(folder, "users.csv", [
      "email,password_hash",
      `ada@example.com,${HASH}`,
      `bob@example.com,${HASH},too,many`,
      `cat@example.com,`,
      `fox@example.com,${HASH}`,
    ]);
    const { code, stdout, stderr } = await importFile(folder, path);
    expect({ code, stdout }).toEqual({ code: 1, stdout: summary("2", "0", "2") });
    expect(stderr).toMatch(/^line 3: has another number of fields than the first line \(.*needs quotes\)$/m);
    expect(stderr).toMatch(/^line 4: password_hash: /m);
  });

  it("leaves accounts alone that are there, and rows that come twice; a second time nothing is left to do", async () => {
    const folder = temporaryFolder();
    const first = file(folder, "first.jsonl", [jsonRow("ada@example.com", { name: "Ada" })]);
    await importFile(folder, first);
    const second = file(folder, "second.jsonl", [
      jsonRow("ADA@example.com", { name: "Eve" }),
      jsonRow("bob@example.com", { id: "one" }),
      jsonRow("BOB@example.com", { id: "two" }),
      jsonRow("cat@example.com", { id: "one" }),
    ]);
    expect(await importFile(folder, second, ["--dry-run"])).toMatchObject({
      code: 0,
      stdout: summary("1", "3", "0").replace("Imported", "Would be imported"),
    });
    expect(await importFile(folder, second)).toMatchObject({ code: 0, stdout: summary("1", "3", "0") });
    expect(await importFile(folder, second)).toMatchObject({ code: 0, stdout: summary("0", "4", "0") });
    const server = await startServe(folder, await freePort());
    const { body } = await post(`${server.url}/auth/login`, { email: "ada@example.com", password: PASSWORD });
    expect(body).toMatchObject({ user: { name: "Ada" } });
  });

  it("goes on where it was killed: what was written is whole accounts, each with its event", async () => {
    const folder = temporaryFolder();
    const total = 20_000;
    const rows = Array.from({ length: total }, (_, n) => jsonRow(`user-${n}@example.com`));
    const path = file(folder, "users.jsonl", rows);
    const counts = (): { users: number; events: number } => {
      const database = new DatabaseSync(join(folder, "latchkey.db"), { timeout: 5_000 });
      const { users } = database.prepare("SELECT count(*) AS users FROM user").get() ?? {};
      const { events } =
        database.prepare("SELECT count(*) AS events FROM event WHERE type = 'user_imported'").get() ?? {};
      database.close();
      return { users: Number(users), events: Number(events) };
    };
    await importFile(folder, file(folder, "one.jsonl", [jsonRow("first@example.com")]));
    const flags = ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"];
    const child = spawn(process.execPath, [...flags, BIN, "users", "import", path, "--data", folder], {
      stdio: "ignore",
    });
    const exited = once(child, "exit");
    await expect.poll(() => counts().users, { timeout: 20_000, interval: 5 }).toBeGreaterThan(1);
    child.kill("SIGKILL");
    await exited;

    const { users, events } = counts();
    expect(events).toBe(users);
    expect((users - 1) % 500).toBe(0);
    const { code, stdout } = await importFile(folder, path);
    const count = (n: number): string => n.toLocaleString("en-US");
    expect({ code, stdout }).toEqual({ code: 0, stdout: summary(count(total - users + 1), count(users - 1), "0") });
    expect(counts()).toEqual({ users: total + 1, events: total + 1 });
  });

  it("says so where there is no such file, or where its name does not tell what it is", async () => {
    const folder = temporaryFolder();
    expect(await importFile(folder, join(folder, "none.csv"))).toMatchObject({
      code: 1,
      stderr: `latchkey: ${join(folder, "none.csv")}: there is no such file, or it cannot be read. Check the path.\n`,
    });
    const { code, stderr } = await importFile(folder, file(folder, "users.txt", []));
    expect(code).toBe(1);
    expect(stderr).toContain("--format csv or --format jsonl");
  });
});

it("finds nothing to work on in a folder without a database, and makes none there", async () => {
  const folder = join(temporaryFolder(), "mistyped");
  for (const command of ["users list", "keys list", "audit verify", "tokens list ada@example.com"]) {
    expect(await runLatchkey([...command.split(" "), "--data", folder]), command).toEqual({
      code: 1,
      stdout: "",
      stderr:
        `latchkey: There is no database in ${folder}. Name the authority's folder with --data or LATCHKEY_DATA, ` +
        "or its PostgreSQL with LATCHKEY_DATABASE_URL.\n",
    });
  }
  expect(existsSync(folder)).toBe(false);
});

describeOnPostgres("latchkey users, on PostgreSQL", () => {
  it("imports, lists, disables, enables and deletes", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const env = {
      LATCHKEY_DATABASE_URL: database.url,
      LATCHKEY_MASTER_SECRET: Buffer.alloc(32, 7).toString("base64"),
    };
    const folder = temporaryFolder();
    const users = (...args: string[]) => runLatchkey(["users", ...args, "--data", folder], env);
    const rows = Array.from({ length: 1_200 }, (_, n) => jsonRow(`user-${n}@example.com`, { id: `id-${n}` }));
    const path = file(folder, "users.jsonl", rows);
    expect(await importFile(folder, path, [], env)).toMatchObject({ code: 0, stdout: summary("1,200", "0", "0") });

    expect(await users("disable", "USER-7@example.com")).toMatchObject({ code: 0 });
    expect(await users("delete", "user-8@example.com")).toMatchObject({ code: 0 });
    const [header, ...listed] = (await users("list")).stdout.trim().split("\n");
    expect(header).toBe("ADDRESS\tID\tNOTES");
    expect(listed).toHaveLength(1_199);
    expect(listed).toContain("user-7@example.com\tid-7\tdisabled; address not verified");
    expect(await users("enable", "user-7@example.com")).toMatchObject({ code: 0 });
    expect((await users("list")).stdout).toContain("user-7@example.com\tid-7\taddress not verified\n");
    expect(await users("disable", "nobody@example.com")).toEqual({
      code: 1,
      stdout: "",
      stderr: "latchkey: There is no account with that e-mail address in this database. See: latchkey users list\n",
    });
  });
});
