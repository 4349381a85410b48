import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { KeyOptions } from "@latchkey/server";
import { createSqliteStore, listKeys, revokeKey, createKeySealer, decodeMasterSecret } from "@latchkey/server";
import { createVerifier } from "@latchkey/verifier";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import type { RunningAuthority } from "latchkey";
import { serveAuthority } from "latchkey";
import { expect, it, onTestFinished } from "vitest";

import { freePort } from "../scripts/free-port.ts";

const AUDIENCE = "https://api.example.com";
const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };

/** Two nodes on one database, under one issuer. */
let folder = "";

async function startNodes(keys: KeyOptions = {}): Promise<readonly [RunningAuthority, RunningAuthority]> {
  folder = mkdtempSync(join(tmpdir(), "latchkey-rotation-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [port, otherPort] = [await freePort(), await freePort()];
  const start = (ownPort: number): Promise<RunningAuthority> =>
    serveAuthority({
      port: ownPort,
      hostname: "127.0.0.1",
      issuer: `http://127.0.0.1:${port}`,
      dataPath: folder,
      logLevel: "silent",
      audiences: [AUDIENCE],
      accessTokenTtlSeconds: 30,
      keys,
      revocationFeed: { access: "public" },
      rateLimits: false,
    });
  const nodes = [await start(port), await start(otherPort)] as const;
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });
  return nodes;
}

async function post(
  port: number,
  path: string,
  body: object,
): Promise<{ access_token: string; refresh_token: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { access_token: string; refresh_token: string };
}

it("K-04: rotation under full load, on two nodes: a remote verifier and jose refuse not one token", async () => {
  const [node, other] = await startNodes({ rotationSeconds: 10, publishAheadSeconds: 3 });
  await post(node.port, "/auth/signup", CREDENTIALS).catch(() => undefined);
  const verifier = createVerifier({ issuer: node.issuer, audience: AUDIENCE });
  onTestFinished(() => verifier.close());
  // As everywhere, a key set is kept for less long than a key is published before it signs: minutes and hours, here seconds.
  const keySet = createRemoteJWKSet(new URL(`${node.issuer}/.well-known/jwks.json`), { cacheMaxAge: 1_000 });

  const kids = new Set<string>();
  const refreshKids = new Set<string>();
  const failures: string[] = [];
  let verified = 0;
  let verifiedOld = 0;
  const end = performance.now() + 24_000;
  const check = async (token: string, when: string): Promise<void> => {
    const { kid = "" } = decodeProtectedHeader(token);
    kids.add(kid);
    await verifier.verify(token).catch((error: unknown) => failures.push(`verifier, ${when}: ${String(error)}`));
    await jwtVerify(token, keySet, { issuer: node.issuer, audience: AUDIENCE }).catch((error: unknown) =>
      failures.push(`jose, ${when}: ${String(error)}`),
    );
    verified += 1;
  };
  const client = async (): Promise<void> => {
    let session = await post(node.port, "/auth/login", CREDENTIALS);
    const older: { readonly token: string; readonly until: number }[] = [];
    for (let round = 0; performance.now() < end; round++) {
      const { port } = round % 2 === 0 ? node : other;
      session = await post(port, "/auth/refresh", { refresh_token: session.refresh_token });
      refreshKids.add(decodeProtectedHeader(session.refresh_token).kid ?? "");
      await check(session.access_token, "fresh");
      // Tokens go on being used until they expire.
      if (round % 50 === 0) older.push({ token: session.access_token, until: performance.now() + 18_000 });
      const [oldest] = older;
      if (oldest !== undefined && oldest.until < performance.now() + 500) {
        older.shift();
        if (oldest.until > performance.now()) {
          await check(oldest.token, "old");
          verifiedOld += 1;
        }
      }
    }
  };

  const results = await Promise.allSettled(Array.from({ length: 8 }, client));

  expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
  expect(failures.slice(0, 5)).toEqual([]);
  expect(failures).toHaveLength(0);
  expect(kids.size).toBeGreaterThanOrEqual(3);
  expect(refreshKids.size).toBeGreaterThanOrEqual(3);
  expect(verified).toBeGreaterThan(500);
  expect(verifiedOld).toBeGreaterThan(0);
}, 60_000);

it("D-04: a key is revoked in another process: a verifier that follows refuses its tokens within a second, and takes the next key's", async () => {
  const [node, other] = await startNodes();
  await post(node.port, "/auth/signup", CREDENTIALS).catch(() => undefined);
  const verifier = createVerifier({ issuer: node.issuer, audience: AUDIENCE });
  onTestFinished(() => verifier.close());
  await verifier.ready();
  const before = await post(node.port, "/auth/login", CREDENTIALS);
  await verifier.verify(before.access_token);
  const kid = decodeProtectedHeader(before.access_token).kid ?? "";
  const store = createSqliteStore({ path: join(folder, "latchkey.db") });
  onTestFinished(() => store.close());
  const sealer = createKeySealer(decodeMasterSecret(readFileSync(join(folder, "master-secret"), "utf8").trim()));
  const clock = (): number => Math.floor(Date.now() / 1000);

  const started = performance.now();
  expect(await revokeKey({ store: store.keys, sealer, clock }, kid)).toBe(true);
  const isRefused = (): Promise<unknown> =>
    verifier.verify(before.access_token).then(
      () => "taken",
      (error: unknown) => error,
    );
  await expect.poll(isRefused, { timeout: 5_000, interval: 10 }).toMatchObject({ refusal: { code: "invalid_token" } });
  expect(performance.now() - started).toBeLessThan(1_000);

  for (const { port } of [node, other]) {
    await expect
      .poll(async () => decodeProtectedHeader((await post(port, "/auth/login", CREDENTIALS)).access_token).kid)
      .not.toBe(kid);
    await verifier.verify((await post(port, "/auth/login", CREDENTIALS)).access_token);
  }
  // It follows still: what the new key signs, it reads.
  expect((await listKeys({ store: store.keys, clock })).map(({ state }) => state)).toContain("revoked");
  const { access_token: token } = await post(node.port, "/auth/login", CREDENTIALS);
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(`http://127.0.0.1:${other.port}/auth/logout-all`, { method: "POST", headers });
  const isEnded = (): Promise<unknown> =>
    verifier.verify(token).then(
      () => "taken",
      (error: unknown) => error,
    );
  await expect.poll(isEnded, { timeout: 5_000, interval: 10 }).toMatchObject({ refusal: { code: "invalid_token" } });
});
