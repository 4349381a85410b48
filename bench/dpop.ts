/**
 * What a proof of possession adds to the check of a token, to a protected request and to a refresh. All in one process and
 * without a network, so that the difference is not lost in it; each pair is measured in turns, and medians are compared.
 *
 *     npm run bench:dpop [-- --quick] [--json FILE]
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createDpopProofVerifier } from "@latchkey/jwt";
import type { AuthServer, PasswordHasher } from "@latchkey/server";
import { createAuthServer, createSqliteStore } from "@latchkey/server";
import { createVerifier } from "@latchkey/verifier";

import type { Prover } from "./dpop/prover.ts";
import { createProver } from "./dpop/prover.ts";
import { readFlags } from "./harness/flags.ts";
import { measureInTurns } from "./harness/in-turns.ts";
import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import { median } from "./harness/statistics.ts";

const HELP = `Measures what a proof of possession adds.

  --quick      5 rounds of 128 operations: took 38 seconds on two busy cores (default: 25 of 512, 15 times as much)
  --json FILE  writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, { quick: { type: "boolean", default: false } });
const rounds = flags.quick ? 5 : 25;
const batch = flags.quick ? 128 : 512;

const ISSUER = "https://auth.example.com";
const AUDIENCE = "https://api.example.com";
const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };

interface Subject {
  readonly name: string;
  /** Makes what one batch needs; not measured. */
  readonly prepare: () => readonly (() => unknown)[];
  /** How many are under way at once. */
  readonly concurrency: number;
}

/** Microseconds for each operation, by the clock on the wall; medians over the rounds. */
async function measure(subjects: readonly Subject[]): Promise<readonly number[]> {
  const taken = await measureInTurns(subjects, { rounds, warmUpRounds: 2 }, async ({ prepare, concurrency }) => {
    const work = prepare();
    const started = performance.now();
    for (let at = 0; at < work.length; at += concurrency) {
      await Promise.all(work.slice(at, at + concurrency).map((operation) => operation()));
    }
    return ((performance.now() - started) * 1_000) / work.length;
  });
  return taken.map(median);
}

async function compare(subjects: readonly Subject[]): Promise<readonly Result[]> {
  const times = await measure(subjects);
  return subjects.map(({ name }, index) => {
    const [first = Number.NaN] = times;
    const value = times[index] ?? Number.NaN;
    return { name, value, unit: "µs", holds: true, ...(index > 0 && { ratio: value / first, peer: "of the first" }) };
  });
}

function many(make: () => () => unknown): readonly (() => unknown)[] {
  return Array.from({ length: batch }, make);
}

function proofChecks(): readonly Subject[] {
  const url = `${ISSUER}/auth/refresh`;
  const prover = createProver();
  const known = createDpopProofVerifier();
  const check = (proof: string) => () => known(proof, { method: "POST", url });
  return [
    {
      name: "a proof by a key seen lately",
      concurrency: 1,
      prepare: () => many(() => check(prover.prove("POST", url))),
    },
    {
      name: "a proof by a new key",
      concurrency: 1,
      prepare: () => many(() => check(createProver().prove("POST", url))),
    },
  ];
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

async function post(
  auth: AuthServer,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Tokens> {
  const answer = await auth.fetch(
    new Request(ISSUER + path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", ...headers },
    }),
  );
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${text}`);
  return JSON.parse(text) as Tokens;
}

async function signIn(auth: AuthServer, prover?: Prover): Promise<Tokens> {
  return post(auth, "/auth/login", CREDENTIALS, prover && { DPoP: prover.prove("POST", `${ISSUER}/auth/login`) });
}

/** A request with a bearer token, and the same with a bound one; the keys are at hand. */
async function protectedRequests(auth: AuthServer): Promise<readonly Subject[]> {
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, fetch: (url) => auth.fetch(new Request(url)) });
  await verifier.ready();
  const prover = createProver();
  const bearer = (await signIn(auth)).access_token;
  const bound = (await signIn(auth, prover)).access_token;
  const request = (authorization: string, dpop?: string) => () =>
    verifier.authenticate({ method: "GET", url: "/reports", headers: { authorization, dpop } });
  return [
    { name: "a request with a bearer token", concurrency: 1, prepare: () => many(() => request(`Bearer ${bearer}`)) },
    {
      name: "a request with a bound token and a proof",
      concurrency: 1,
      prepare: () => many(() => request(`DPoP ${bound}`, prover.prove("GET", `${AUDIENCE}/reports`, bound))),
    },
  ];
}

/** Refreshes of as many sessions as are under way at once, each going on from its last token. */
async function refreshes(auth: AuthServer, concurrency: number): Promise<readonly Subject[]> {
  const subject = async (name: string, provers: readonly (Prover | undefined)[]): Promise<Subject> => {
    const tokens: string[] = [];
    for (const prover of provers) tokens.push((await signIn(auth, prover)).refresh_token);
    return {
      name: `${name}, ${concurrency} at once`,
      concurrency,
      prepare: () =>
        Array.from({ length: batch }, (_, index) => {
          const of = index % concurrency;
          const proof = provers[of]?.prove("POST", `${ISSUER}/auth/refresh`);
          const headers =
            proof === undefined ? { "Latchkey-Attempt": randomBytes(16).toString("hex") } : { DPoP: proof };
          return async () => {
            tokens[of] = (await post(auth, "/auth/refresh", { refresh_token: tokens[of] }, headers)).refresh_token;
          };
        }),
    };
  };
  const nobody = Array.from({ length: concurrency }, () => undefined);
  return [
    await subject("a refresh with an attempt key", nobody),
    await subject("a refresh with a proof", nobody.map(createProver)),
  ];
}

// Passwords are not what is measured.
const plain: PasswordHasher = {
  hash: async (password) => password,
  verify: async (password, hash) => password === hash,
  verifyNothing: async () => false,
};

const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-dpop-"));
const auth = createAuthServer({
  issuer: ISSUER,
  audiences: [AUDIENCE],
  store: createSqliteStore({ path: join(folder, "latchkey.db") }),
  masterSecret: randomBytes(32),
  passwordHasher: plain,
  // One user has all the sessions that are refreshed.
  maxSessionsPerUser: 1_000,
});
try {
  await post(auth, "/auth/signup", CREDENTIALS);
  report(
    "What a proof of possession costs",
    [
      ...(await compare(proofChecks())),
      ...(await compare(await protectedRequests(auth))),
      ...(await compare(await refreshes(auth, 1))),
      ...(await compare(await refreshes(auth, 64))),
    ],
    flags.json,
  );
} finally {
  await auth.close();
  rmSync(folder, { recursive: true });
}
