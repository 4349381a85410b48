import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { describe, expect, it } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { emptyDatabaseFolder, runLatchkey, startServe, temporaryFolder } from "./serve-process.ts";

const credentials = { email: "ada@example.com", password: "correct horse battery staple" };

async function post(url: string, body: object): Promise<Response> {
  return fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
}

describe("latchkey serve", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "starts on an empty folder, says where it is, and stops cleanly on %s",
    async (signal) => {
      const [folder, port] = [temporaryFolder(), await freePort()];
      const server = await startServe(folder, port);
      expect(server.output()).toBe(
        `Made a master secret: ${join(folder, "master-secret")}\n` +
          "Keep a copy apart from the database: without it, everybody has to sign in again.\n" +
          `Latchkey is ready at http://localhost:${port}\n`,
      );
      server.child.kill(signal);
      const [code] = (await once(server.child, "exit")) as [number];
      expect(code).toBe(0);
    },
  );

  it("keeps its master secret and database where only their owner can read them", async () => {
    const folder = join(temporaryFolder(), "data");
    await startServe(folder, await freePort());
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of ["master-secret", "latchkey.db", "latchkey.db-wal", "latchkey.db-shm"]) {
      expect(statSync(join(folder, file)).mode & 0o777, file).toBe(0o600);
    }
  });

  it("refuses a master secret that others can read, and says how to mend it", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "master-secret");
    writeFileSync(path, "x".repeat(43));
    chmodSync(path, 0o644);
    const { code, stderr } = await runLatchkey(["serve", "--data", folder, "--port", String(await freePort())]);
    expect(code).toBe(1);
    expect(stderr).toBe(`latchkey: ${path} can be read by others. Mend it with: chmod 600 ${path}\n`);
  });

  it("says so where the port is taken", async () => {
    const port = await freePort();
    await startServe(temporaryFolder(), port);
    const { code, stderr } = await runLatchkey(["serve", "--data", temporaryFolder(), "--port", String(port)]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "latchkey: that port is taken. Choose another with --port or PORT.\n",
    });
  });

  it.runIf(process.platform === "linux")("bounds the memory V8 takes, where nobody else has", async () => {
    const bound = await startServe(temporaryFolder(), await freePort());
    const flags = readFileSync(`/proc/${bound.child.pid}/cmdline`, "utf8").split("\0");
    expect(flags).toEqual(expect.arrayContaining(["--max-semi-space-size=8", "--no-maglev"]));
    const chosen = { NODE_OPTIONS: "--max-semi-space-size=32" };
    const own = await startServe(temporaryFolder(), await freePort(), chosen);
    expect(readFileSync(`/proc/${own.child.pid}/cmdline`, "utf8")).not.toContain("semi-space");
  });

  it("logs no token and no password", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());
    await post(`${server.url}/auth/signup`, credentials);
    const session = (await (await post(`${server.url}/auth/login`, credentials)).json()) as { refresh_token: string };
    const refresh = async (key: string): Promise<number> =>
      (
        await fetch(`${server.url}/auth/refresh`, {
          method: "POST",
          body: JSON.stringify({ refresh_token: session.refresh_token }),
          headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        })
      ).status;
    expect([await refresh("attempt-key-number-1"), await refresh("attempt-key-number-2")]).toEqual([200, 401]);
    await expect.poll(() => server.output()).toContain("a copied refresh token was used");
    for (const secret of [
      credentials.password,
      session.refresh_token,
      readFileSync(join(folder, "master-secret"), "utf8").trim(),
    ]) {
      expect(server.output()).not.toContain(secret);
    }
  });
});

describe("latchkey users set-roles", () => {
  it("sets roles that the next sign-in carries, beside a running server", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());
    await post(`${server.url}/auth/signup`, credentials);
    const set = await runLatchkey(["users", "set-roles", credentials.email, "editor", "--data", folder]);
    expect(set).toEqual({ code: 0, stdout: "Roles set: editor\n", stderr: "" });
    const session = (await (await post(`${server.url}/auth/login`, credentials)).json()) as {
      user: { roles: string[] };
    };
    expect(session.user.roles).toEqual(["editor"]);
  });

  it("fails for an address without an account", async () => {
    const { code, stderr } = await runLatchkey([
      "users",
      "set-roles",
      "nobody@example.com",
      "--data",
      await emptyDatabaseFolder(),
    ]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "latchkey: There is no account with that e-mail address in this database. See: latchkey users list\n",
    });
  });
});

describe("latchkey users unlock", () => {
  it("lets a password be tried again that was guessed too often, beside a running server", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());
    await post(`${server.url}/auth/signup`, credentials);
    const database = new DatabaseSync(join(folder, "latchkey.db"));
    database.exec("UPDATE user SET password_checks = 100");
    database.close();
    expect((await post(`${server.url}/auth/login`, credentials)).status).toBe(401);

    const unlocked = await runLatchkey(["users", "unlock", credentials.email, "--data", folder]);

    expect(unlocked).toEqual({ code: 0, stdout: "The password can be tried again.\n", stderr: "" });
    expect((await post(`${server.url}/auth/login`, credentials)).status).toBe(200);
    expect((await runLatchkey(["users", "unlock", "nobody@example.com", "--data", folder])).code).toBe(1);
  });
});

describe("latchkey --help", () => {
  it("names the commands, and each its options and defaults", async () => {
    expect((await runLatchkey(["--help"])).stdout).toContain("run an authority on an embedded database");
    const { stdout } = await runLatchkey(["serve", "--help"]);
    for (const text of ["--port <number>", "default: 3000", "env: LATCHKEY_DATA", "--issuer <url>"])
      expect(stdout).toContain(text);
    expect((await runLatchkey(["serve", "--port", "many"])).stderr).toContain("It must be a number from 0 to 65535.");
  });
});
