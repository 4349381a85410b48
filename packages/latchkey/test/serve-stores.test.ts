import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { startRedis } from "../../../scripts/redis-server.ts";
import { createTestDatabase, describeOnPostgres } from "../../server/test/stores/postgres-database.ts";
import { describeOnOwnRedis } from "../../server/test/stores/redis-test-server.ts";
import { runLatchkey, startServe, temporaryFolder } from "./serve-process.ts";

const MASTER_SECRET = Buffer.alloc(32, 7).toString("base64");
const credentials = { email: "ada@example.com", password: "correct horse battery staple" };

interface Granted {
  readonly refresh_token: string;
  readonly session_id: string;
}

async function post(url: string, body: object): Promise<Response> {
  return fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
}

describe("latchkey serve's environment", () => {
  it("refuses a database of many nodes without the secret they share, and says how to make one", async () => {
    const env = { LATCHKEY_DATABASE_URL: "postgres://localhost/none" };
    const { code, stderr } = await runLatchkey(["serve", "--data", temporaryFolder()], env);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^latchkey: LATCHKEY_DATABASE_URL needs LATCHKEY_MASTER_SECRET: .* openssl rand -base64 32\n$/,
    );
  });

  it.each(["api", "api:", ":secret", "api:se:cret"])(
    "refuses resource servers like %j, without naming them",
    async (text) => {
      const env = { LATCHKEY_RESOURCE_SERVERS: text };
      const { code, stderr } = await runLatchkey(["serve", "--data", temporaryFolder()], env);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^latchkey: LATCHKEY_RESOURCE_SERVERS: must be id:secret pairs/);
      expect(stderr).not.toContain("se:cret");
    },
  );

  it("lets a named API follow the revocation feed, and stops at once although it does", async () => {
    const secret = "s".repeat(40);
    const port = await freePort();
    const server = await startServe(temporaryFolder(), port, { LATCHKEY_RESOURCE_SERVERS: `api:${secret}` });
    const headers = { Accept: "text/event-stream", Authorization: `Basic ${btoa(`api:${secret}`)}` };
    const response = await fetch(`${server.url}/revocations`, { headers });
    expect(response.status).toBe(200);
    const reading = response.text();

    const started = performance.now();
    server.child.kill("SIGTERM");

    expect(await reading).toMatch(/^id: \d+\.[\w-]+\ndata: ey/);
    expect(await once(server.child, "exit")).toEqual([0, null]);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe("latchkey serve's mail", () => {
  it("is files in the data folder where there is no mail server", async () => {
    const [folder, port] = [temporaryFolder(), await freePort()];
    const pages = ["--verify-email-url", "http://localhost/verify", "--reset-password-url", "http://localhost/reset"];
    const server = await startServe(folder, port, {}, pages);
    await post(`${server.url}/auth/signup`, credentials);
    const mails = (): string[] =>
      existsSync(join(folder, "mail")) ? readdirSync(join(folder, "mail")).filter((name) => name.endsWith(".txt")) : [];
    await expect.poll(mails).toHaveLength(1);
    const [name = ""] = mails();
    expect(readFileSync(join(folder, "mail", name), "utf8")).toContain("http://localhost/verify#token=");
    expect(server.output()).not.toContain("token=");
  });

  it.each([
    [["--verify-email-url", "http://localhost/verify"], {}, "--reset-password-url go together"],
    [
      ["--verify-email-url", "http://localhost/verify", "--reset-password-url", "http://localhost/reset"],
      { LATCHKEY_SMTP_URL: "smtp://user:secret@localhost" },
      "LATCHKEY_SMTP_URL needs --mail-from",
    ],
  ])("that is half configured stops the start: %j", async (flags, env, message) => {
    const { code, stderr } = await runLatchkey(["serve", "--data", temporaryFolder(), ...flags], env);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("secret");
  });
});

describeOnPostgres("latchkey serve on PostgreSQL", () => {
  it("runs as several nodes, one of which refreshes what another began", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const env = { LATCHKEY_DATABASE_URL: database.url, LATCHKEY_MASTER_SECRET: MASTER_SECRET };
    await expectTwoNodes(env);
  });
});

describeOnOwnRedis("latchkey serve with sessions in Redis", () => {
  it("begins and refreshes sessions there", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const folder = temporaryFolder();
    const server = await startServe(folder, await freePort(), { LATCHKEY_REDIS_URL: redis.url });
    const granted = await signIn(server.url);
    const refreshed = await post(`${server.url}/auth/refresh`, { refresh_token: granted.refresh_token });
    expect(refreshed.status).toBe(200);
    await redis.crash();
    const down = await post(`${server.url}/auth/refresh`, { refresh_token: granted.refresh_token });
    expect(down.status).toBe(503);
  });
});

async function expectTwoNodes(env: Readonly<Record<string, string>>): Promise<void> {
  const [first, second] = [await freePort(), await freePort()];
  const issuer = { LATCHKEY_ISSUER: `http://localhost:${first}` };
  const [one, other] = await Promise.all([
    startServe(temporaryFolder(), first, { ...env, ...issuer }),
    startServe(temporaryFolder(), second, { ...env, ...issuer }),
  ]);

  const granted = await signIn(one.url);
  const refreshed = await post(`${other.url}/auth/refresh`, { refresh_token: granted.refresh_token });

  expect(refreshed.status).toBe(200);
  expect(await refreshed.json()).toMatchObject({ session_id: granted.session_id });
}

async function signIn(url: string): Promise<Granted> {
  await post(`${url}/auth/signup`, credentials);
  const response = await post(`${url}/auth/login`, credentials);
  expect(response.status).toBe(200);
  return (await response.json()) as Granted;
}
