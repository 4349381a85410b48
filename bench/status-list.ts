/**
 * What a status list weighs and takes to make, with none, 100 and 10,000 of the sessions revoked whose tokens still live.
 *
 *     npm run bench:status-list [-- --json FILE]
 *
 * Through the whole authority on SQLite. "Made" is a request after one more session has ended, so that the list is made
 * anew; "kept" is a request for a list that is as it was. Medians of 50.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import type { SessionAnswer } from "@latchkey/protocol";
import { createAuthServer, createSqliteStore } from "@latchkey/server";

import { readFlags } from "./harness/flags.ts";
import { median } from "./harness/statistics.ts";

const HELP = `Measures what a status list weighs and takes to make, with none, 100 and 10,000 sessions revoked.
For that 10,000 sessions are begun and ended, one by one: minutes, and more than seven on two busy cores.

  --json FILE  writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {});

const ISSUER = "https://auth.example.com";
const ROUNDS = 50;
const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };

const folder = mkdtempSync(join(tmpdir(), "latchkey-status-list-"));
const server = createAuthServer({
  issuer: ISSUER,
  store: createSqliteStore({ path: join(folder, "latchkey.db") }),
  masterSecret: new Uint8Array(32).fill(7),
  statusList: true,
  // Thousands of sign-ins are only to be there.
  passwordHasher: { hash: async (password) => password, verify: async () => true, verifyNothing: async () => false },
});

async function post(path: string, body: object): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return server.fetch(new Request(`${ISSUER}${path}`, { method: "POST", body: JSON.stringify(body), headers }));
}

async function endOneSession(): Promise<void> {
  const session = (await (await post("/auth/login", CREDENTIALS)).json()) as SessionAnswer;
  const answer = await post("/auth/logout", { refresh_token: session.refresh_token });
  if (answer.status !== 204) throw new Error(`signing out was answered ${answer.status}`);
}

async function fetchList(): Promise<{ readonly jwt: string; readonly milliseconds: number }> {
  const start = performance.now();
  const jwt = await (await server.fetch(new Request(`${ISSUER}/status-lists/0`))).text();
  return { jwt, milliseconds: performance.now() - start };
}

interface Figures {
  readonly revoked: number;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly madeMilliseconds: number;
  readonly keptMilliseconds: number;
}

const results: Figures[] = [];
try {
  await post("/auth/signup", CREDENTIALS);
  let ended = 0;
  for (const revoked of [0, 100, 10_000]) {
    for (; ended < revoked; ended++) await endOneSession();
    const { jwt } = await fetchList();
    const kept: number[] = [];
    for (let round = 0; round < ROUNDS; round++) kept.push((await fetchList()).milliseconds);
    const made: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await endOneSession();
      ended += 1;
      made.push((await fetchList()).milliseconds);
    }
    const figures: Figures = {
      revoked,
      bytes: jwt.length,
      gzipBytes: gzipSync(jwt).length,
      madeMilliseconds: median(made),
      keptMilliseconds: median(kept),
    };
    results.push(figures);
    console.log(
      `${revoked.toLocaleString("en").padStart(6)} revoked: ${figures.bytes.toLocaleString("en").padStart(7)} bytes ` +
        `(${figures.gzipBytes.toLocaleString("en")} with gzip), made in ${figures.madeMilliseconds.toFixed(2)} ms, ` +
        `kept in ${figures.keptMilliseconds.toFixed(2)} ms`,
    );
  }
} finally {
  await server.close();
  rmSync(folder, { recursive: true });
}
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
