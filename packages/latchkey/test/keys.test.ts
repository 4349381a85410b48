import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import type { ServeProcess } from "./serve-process.ts";
import { emptyDatabaseFolder, runLatchkey, startServe, temporaryFolder } from "./serve-process.ts";

const credentials = { email: "ada@example.com", password: "correct horse battery staple" };

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

async function post(server: ServeProcess, path: string, body: object): Promise<Tokens> {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body), headers });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Tokens;
}

async function signedIn(server: ServeProcess): Promise<Tokens> {
  await post(server, "/auth/signup", credentials).catch(() => undefined);
  return post(server, "/auth/login", credentials);
}

async function publishedKids(server: ServeProcess): Promise<readonly string[]> {
  const answer = await fetch(`${server.url}/.well-known/jwks.json`);
  return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
}

interface Row {
  readonly kid: string;
  readonly purpose: string;
  readonly state: string;
}

async function listedKeys(folder: string): Promise<readonly Row[]> {
  const { code, stdout, stderr } = await runLatchkey(["keys", "list", "--data", folder]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(/ +/))
    .map(([kid = "", purpose = "", , state = ""]) => ({ kid, purpose, state }));
}

describe("latchkey keys, beside a running server", () => {
  it("lists a key that signs and one that will, for access tokens and for refresh tokens", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());

    const rows = await listedKeys(folder);

    expect(rows.map(({ purpose, state }) => `${purpose} ${state}`)).toEqual([
      "access-token active",
      "access-token next",
      "refresh-token active",
      "refresh-token next",
    ]);
    expect(rows.filter(({ purpose }) => purpose === "access-token").map(({ kid }) => kid)).toEqual(
      await publishedKids(server),
    );
  });

  it("rotates: the server signs with the key it had published, and what was signed before goes on", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort(), {}, ["--key-publish-ahead", "2"]);
    const [active, next] = await publishedKids(server);
    const before = await signedIn(server);
    expect(decodeProtectedHeader(before.access_token).kid).toBe(active);

    const rotated = await runLatchkey(["keys", "rotate", "--data", folder]);
    expect(rotated).toMatchObject({ code: 0, stderr: "" });
    expect(rotated.stdout).toMatch(new RegExp(`^${next} \\(access-token\\) signs from 20`));
    await expect
      .poll(async () => decodeProtectedHeader((await signedIn(server)).access_token).kid, {
        timeout: 15_000,
        interval: 500,
      })
      .toBe(next);

    const after = await post(server, "/auth/refresh", { refresh_token: before.refresh_token });
    const keys = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`));
    for (const token of [before, after]) await jwtVerify(token.access_token, keys, { issuer: server.url });
    expect(decodeProtectedHeader(after.refresh_token).kid).not.toBe(decodeProtectedHeader(before.refresh_token).kid);
  });

  it("revokes: within two seconds the key is withdrawn and another signs", async () => {
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort());
    const [active = "", next = ""] = await publishedKids(server);
    const before = await signedIn(server);

    const revoked = await runLatchkey(["keys", "revoke", active, "--data", folder]);

    expect(revoked).toEqual({ code: 0, stdout: `Revoked: ${active}\n`, stderr: "" });
    await expect.poll(() => publishedKids(server), { timeout: 2_000 }).not.toContain(active);
    const after = await signedIn(server);
    expect(decodeProtectedHeader(after.access_token).kid).toBe(next);
    const refused = await fetch(`${server.url}/auth/me`, {
      headers: { Authorization: `Bearer ${before.access_token}` },
    });
    expect(refused.status).toBe(401);
    expect((await listedKeys(folder)).find(({ kid }) => kid === active)?.state).toBe("revoked");
  });

  it.each([
    ["-Qrir2JLKrsOQTx8uid2_upH5BW89tI5a_ryeJeyEzE"],
    // Begins as the options for help and data do.
    ["-hir2JLKrsOQTx8uid2_upH5BW89tI5a_ryeJeyEzE4"],
    ["--data2JLKrsOQTx8uid2_upH5BW89tI5a_ryeJeyEz"],
  ])("takes a name that begins with a dash for a name, wherever it stands: %s", async (kid) => {
    const folder = await emptyDatabaseFolder();
    for (const args of [
      [kid, "--data", folder],
      ["--data", folder, kid],
      ["--data", folder, "--", kid],
    ]) {
      const { code, stderr } = await runLatchkey(["keys", "revoke", ...args]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: "latchkey: There is no key of that name in this database. See: latchkey keys list\n",
      });
    }
  });

  it("says so where there is no key of that name, or none to rotate yet", async () => {
    const folder = await emptyDatabaseFolder();
    expect(await runLatchkey(["keys", "revoke", "no-such-key", "--data", folder])).toEqual({
      code: 1,
      stdout: "",
      stderr: "latchkey: There is no key of that name in this database. See: latchkey keys list\n",
    });
    const { code, stderr } = await runLatchkey(["keys", "rotate", "--data", folder]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "latchkey: There are no keys yet. Start the authority once: latchkey serve\n",
    });
  });
});

describe("latchkey serve with a configuration that cannot be served safely", () => {
  it.each([
    ["a weak master secret", { LATCHKEY_MASTER_SECRET: "hunter2" }, "openssl rand -base64 32"],
    [
      "a plain http issuer",
      { LATCHKEY_ISSUER: "http://auth.example.com", LATCHKEY_MASTER_SECRET: "x".repeat(43) },
      "issuer: must be https",
    ],
  ])("%s: does not start, and says in a sentence how to mend it", async (_what, env, message) => {
    const { code, stdout, stderr } = await runLatchkey(["serve", "--port", "0", "--data", temporaryFolder()], env);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n {4}at |hunter2/);
  });
});
