import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ApiTokenAnswer, ApiTokenSummary, SessionAnswer } from "@latchkey/protocol";
import { createAuthServer, createSqliteStore, type Store } from "@latchkey/server";
import { createPostgresStore } from "@latchkey/server/postgres";
import { createVerifier, type Verifier, VerifierError, type VerifierOptions } from "@latchkey/verifier";
import { guard, requireScope } from "@latchkey/verifier/fetch";
import { listen } from "latchkey";
import { afterEach, describe, expect, it } from "vitest";

import { createTestDatabase, describeOnPostgres } from "../packages/server/test/stores/postgres-database.ts";
import { freePort } from "../scripts/free-port.ts";

const AUDIENCE = "https://api.example.com";
const CREDENTIALS = { id: "api", secret: "a secret of at least 32 characters" };
const ADA = { email: "ada@example.com", password: "correct horse battery staple" };

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Two nodes of one authority, each on a port of its own, and what a user and an API do there. */
async function startNodes(openStore: () => Store) {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const startNode = async (at: number): Promise<string> => {
    const server = createAuthServer({
      issuer,
      store: openStore(),
      masterSecret: new Uint8Array(32).fill(7),
      audiences: [AUDIENCE],
      scopes: { allowed: ["read:reports", "write:reports"] },
      resourceServers: [{ ...CREDENTIALS, apiTokens: true }],
      apiTokens: true,
    });
    await server.ready();
    const listener = await listen({
      fetch: (request, from) => server.fetch(request, from),
      port: at,
      hostname: "localhost",
    });
    cleanUps.push(async () => {
      await server.endStreams();
      await listener.stop();
      await server.close();
    });
    return `http://localhost:${listener.port}`;
  };
  const nodes = [await startNode(port), await startNode(0)] as const;

  const call = async (
    method: string,
    path: string,
    { body, token = "", at = issuer }: { readonly body?: object; readonly token?: string; readonly at?: string } = {},
  ): Promise<Response> => {
    const answer = await fetch(at + path, {
      method,
      headers: { "Content-Type": "application/json", ...(token !== "" && { Authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
    return answer;
  };
  await call("POST", "/auth/signup", { body: ADA });
  const session = (await (await call("POST", "/auth/login", { body: ADA })).json()) as SessionAnswer;

  const makeVerifier = (at: string, options: Partial<VerifierOptions> = {}): Verifier => {
    const verifier = createVerifier({
      issuer,
      audience: AUDIENCE,
      revocation: { credentials: CREDENTIALS, urls: [`${at}/revocations`] },
      apiTokens: true,
      ...options,
    });
    cleanUps.push(() => verifier.close());
    return verifier;
  };
  const make = async (): Promise<ApiTokenAnswer> => {
    const body = { name: "nightly backup", scope: "read:reports" };
    const answer = await call("POST", "/auth/tokens", { body, token: session.access_token });
    return (await answer.json()) as ApiTokenAnswer;
  };
  return { nodes, call, session, make, makeVerifier };
}

async function isAlive(verifier: Verifier, token: string): Promise<boolean> {
  try {
    await verifier.verify(token);
    return true;
  } catch (error) {
    if (!(error instanceof VerifierError && error.code === "invalid_token")) throw error;
    return false;
  }
}

/** Milliseconds from now until a verifier refuses a token. */
async function refusedAfter(verifier: Verifier, token: string): Promise<number> {
  const begun = performance.now();
  while (await isAlive(verifier, token)) {
    if (performance.now() - begun > 5_000) return Number.POSITIVE_INFINITY;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return performance.now() - begun;
}

function describeApiTokens(openDatabase: () => Promise<() => Store>): void {
  it("a user's program calls an API with one; it is dead at both nodes' verifiers within a second of being revoked", async () => {
    const { nodes, call, session, make, makeVerifier } = await startNodes(await openDatabase());
    const verifiers = nodes.map((at) => makeVerifier(at).withApiTokens());
    await Promise.all(verifiers.map((verifier) => verifier.ready()));
    const delays: number[] = [];
    for (let round = 0; round < 5; round++) {
      const { token, api_token: summary } = await make();
      for (const verifier of verifiers) expect(await isAlive(verifier, token)).toBe(true);
      await call("DELETE", `/auth/tokens/${summary.id}`, { token: session.access_token, at: nodes[round % 2] ?? "" });
      delays.push(...(await Promise.all(verifiers.map((verifier) => refusedAfter(verifier, token)))));
    }
    expect(Math.max(...delays)).toBeLessThan(1_000);
  });

  it("a deleted user's are refused within a second, and a new password ends them as well", async () => {
    const { nodes, call, session, make, makeVerifier } = await startNodes(await openDatabase());
    const verifier = makeVerifier(nodes[1]).withApiTokens();
    await verifier.ready();
    const first = await make();
    expect(await isAlive(verifier, first.token)).toBe(true);
    const password = "another battery staple horse";
    const change = { current_password: ADA.password, new_password: password };
    await call("POST", "/auth/password", { body: change, token: session.access_token });
    expect(await refusedAfter(verifier, first.token)).toBeLessThan(1_000);

    const second = await make();
    expect(await isAlive(verifier, second.token)).toBe(true);
    await call("DELETE", "/auth/me", { body: { password }, token: session.access_token });
    expect(await refusedAfter(verifier, second.token)).toBeLessThan(1_000);
  });

  it("its user sees the hour it was last used in, once its API has reported", async () => {
    const { nodes, call, session, make, makeVerifier } = await startNodes(await openDatabase());
    const verifier = makeVerifier(nodes[1], { apiTokens: { reportUses: { everySeconds: 1 } } }).withApiTokens();
    await verifier.ready();
    const { token } = await make();
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    await verifier.verify(token);
    const lastUse = async (): Promise<string | null | undefined> => {
      const answer = await call("GET", "/auth/tokens", { token: session.access_token });
      return ((await answer.json()) as { api_tokens: ApiTokenSummary[] }).api_tokens[0]?.last_used_at;
    };
    expect(await lastUse()).toBeNull();
    await expect.poll(async () => Date.parse((await lastUse()) ?? ""), { timeout: 5_000 }).toBeGreaterThanOrEqual(hour);
  });
}

describe("API tokens, on two nodes with SQLite", () => {
  describeApiTokens(async () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-api-tokens-"));
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    return () => createSqliteStore({ path: join(folder, "latchkey.db") });
  });

  it("each route takes them or does not, of one API with one verifier", async () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-api-tokens-"));
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    const { nodes, session, make, makeVerifier } = await startNodes(() =>
      createSqliteStore({ path: join(folder, "latchkey.db") }),
    );
    const verifier = makeVerifier(nodes[0]);
    const answer = (): Response => new Response("ok");
    const routes = {
      account: guard(verifier, answer),
      reports: guard(verifier.withApiTokens(), requireScope("read:reports"), answer),
      editing: guard(verifier.withApiTokens(), requireScope("write:reports"), answer),
    };
    const { token } = await make();
    const ask = async (route: keyof typeof routes, presented: string): Promise<number> =>
      (await routes[route](new Request(AUDIENCE, { headers: { Authorization: `Bearer ${presented}` } }))).status;
    expect([await ask("account", token), await ask("reports", token), await ask("editing", token)]).toEqual([
      401, 200, 403,
    ]);
    const access = session.access_token;
    expect([await ask("account", access), await ask("reports", access)]).toEqual([200, 200]);
  });
});

describeOnPostgres("API tokens, on two nodes with PostgreSQL", () => {
  describeApiTokens(async () => {
    const database = await createTestDatabase();
    cleanUps.push(() => database.drop());
    return () => createPostgresStore({ connectionString: database.url });
  });
});
