import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { SessionAnswer } from "@latchkey/protocol";
import { type AuthServer, createAuthServer, createSqliteStore } from "@latchkey/server";
import { createVerifier, type Verifier, VerifierError, type VerifierOptions } from "@latchkey/verifier";
import { listen } from "latchkey";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { freePort } from "../scripts/free-port.ts";

const AUDIENCE = "https://api.example.com";
const CREDENTIALS = { id: "api", secret: "a secret of at least 32 characters" };
const ADA = { email: "ada@example.com", password: "correct horse battery staple" };

type Grant = SessionAnswer & { readonly refresh_token: string };

interface Node {
  readonly server: AuthServer;
  readonly url: string;
  stop(): Promise<void>;
}

let folder: string;
let issuer: string;
let first: Node;
let port: number;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "latchkey-revocation-"));
  port = await freePort();
  issuer = `http://localhost:${port}`;
  first = await startNode(port);
  await post("/auth/signup", ADA);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

/** One node of an authority; all have the same database. */
async function startNode(at: number): Promise<Node> {
  const server = createAuthServer({
    issuer,
    store: createSqliteStore({ path: join(folder, "latchkey.db") }),
    masterSecret: new Uint8Array(32).fill(7),
    audiences: [AUDIENCE],
    resourceServers: [CREDENTIALS],
  });
  await server.ready();
  const listener = await listen({
    fetch: (request, connection) => server.fetch(request, connection),
    port: at,
    hostname: "localhost",
  });
  let isStopped = false;
  const node: Node = {
    server,
    url: `http://localhost:${listener.port}`,
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await server.endStreams();
      await listener.stop();
      await server.close();
    },
  };
  cleanUps.push(() => node.stop());
  return node;
}

async function post(path: string, body: object, { at = issuer, token = "" } = {}): Promise<Response> {
  const headers = { "Content-Type": "application/json", ...(token !== "" && { Authorization: `Bearer ${token}` }) };
  return fetch(at + path, { method: "POST", body: JSON.stringify(body), headers });
}

async function signIn(): Promise<Grant> {
  const answer = await post("/auth/login", ADA);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Grant;
}

async function signOut(grant: Grant, at = issuer): Promise<void> {
  const answer = await post("/auth/logout", { refresh_token: grant.refresh_token }, { at });
  expect(answer.ok).toBe(true);
}

function makeVerifier(options: VerifierOptions["revocation"] = {}): Verifier {
  const verifier = createVerifier({
    issuer,
    audience: AUDIENCE,
    revocation: options === false ? false : { credentials: CREDENTIALS, ...options },
  });
  cleanUps.push(() => verifier.close());
  return verifier;
}

/** Why the token is refused, as soon as it is. */
async function refusalOf(verifier: Verifier, token: string, withinMs: number): Promise<string> {
  const end = performance.now() + withinMs;
  do {
    try {
      await verifier.verify(token);
    } catch (error) {
      if (error instanceof VerifierError) return `${error.code} (${error.refusal?.reason})`;
      throw error;
    }
    await sleep(5);
  } while (performance.now() < end);
  return "accepted";
}

describe("a verifier that follows its authority", () => {
  it("G4: refuses a session's token within a second of signing out, and the user's other session's not", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    const [ended, other] = [await signIn(), await signIn()];
    await verifier.verify(ended.access_token);
    await verifier.verify(other.access_token);
    await signOut(ended);
    expect(await refusalOf(verifier, ended.access_token, 1000)).toBe("invalid_token (revoked_session)");
    await verifier.verify(other.access_token);
  });

  it("sends tokens with old roles to be refreshed, and takes the new ones", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    const old = await signIn();
    await verifier.verify(old.access_token);
    await first.server.setRoles(ADA.email, ["editor"]);
    expect(await refusalOf(verifier, old.access_token, 1000)).toBe("stale_token (old_claims)");
    const answer = await post("/auth/refresh", { refresh_token: old.refresh_token });
    const refreshed = (await answer.json()) as Grant;
    expect((await verifier.verify(refreshed.access_token)).roles).toEqual(["editor"]);
  });

  it("hears of everything that was revoked before it came", async () => {
    const grants = await Promise.all(Array.from({ length: 5 }, signIn));
    for (const grant of grants) await signOut(grant);
    const verifier = makeVerifier();
    await verifier.ready();
    for (const grant of grants) {
      expect(await refusalOf(verifier, grant.access_token, 0)).toBe("invalid_token (revoked_session)");
    }
  });

  it("goes on at another node when its own stops, and hears what is revoked there and at the restarted one", async () => {
    const second = await startNode(0);
    const verifier = makeVerifier({ urls: [`${first.url}/revocations`, `${second.url}/revocations`] });
    await verifier.ready();
    const [one, other] = [await signIn(), await signIn()];
    await verifier.verify(one.access_token);
    await first.stop();
    await signOut(one, second.url);
    expect(await refusalOf(verifier, one.access_token, 3000)).toBe("invalid_token (revoked_session)");
    first = await startNode(port);
    await second.stop();
    await signOut(other);
    expect(await refusalOf(verifier, other.access_token, 3000)).toBe("invalid_token (revoked_session)");
    expect(verifier.status().revocation).toMatchObject({ state: "following", entries: 2, failure: undefined });
  });

  it("asks about each token where it may not follow (introspect)", async () => {
    const nowhere = `http://localhost:${await freePort()}/revocations`;
    const verifier = makeVerifier({ urls: [nowhere], onStale: "introspect" });
    const [ended, other] = [await signIn(), await signIn()];
    await verifier.verify(ended.access_token);
    await signOut(ended);
    expect(await refusalOf(verifier, ended.access_token, 3000)).toBe("invalid_token (revoked_by_introspection)");
    await verifier.verify(other.access_token);
  });

  it("and may not, is told at the start", async () => {
    const verifier = makeVerifier({ credentials: { ...CREDENTIALS, secret: "another secret of 32 characters.." } });
    await expect(verifier.ready()).rejects.toThrow("refuses revocation.credentials (401)");
  });
});
