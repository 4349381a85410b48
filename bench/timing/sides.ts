import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Argon2Costs, AuthServer, Store } from "@latchkey/server";
import { createArgon2Hasher, createAuthServer, createSqliteStore, disableUser, importAccounts } from "@latchkey/server";

/** Two kinds of requests that nobody may tell apart by the time their answers take. */
export interface Pair {
  readonly name: string;
  /** Each makes another request every time. */
  readonly first: () => Request;
  readonly second: () => Request;
  /** What must be answered, to either. */
  readonly status: number;
}

export interface TimingWorld {
  readonly server: AuthServer;
  readonly pairs: readonly Pair[];
  /** Something that does take another time, by which the trial shows that it would notice. */
  readonly control: Pair;
  close(): Promise<void>;
}

const ISSUER = "http://localhost:1";
const PASSWORD = "a password that is right";
const WRONG = "a password that is wrong";
/** bcrypt with cost 10, of another password. */
const BCRYPT = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

/** An authority on SQLite with accounts of every kind, in this process: nothing of a network hides anything. */
export async function createTimingWorld(options: {
  readonly costs: Argon2Costs;
  readonly accounts: number;
}): Promise<TimingWorld> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-timing-"));
  const store = createSqliteStore({ path: join(folder, "latchkey.db") });
  const hasher = createArgon2Hasher({ costs: options.costs, concurrency: 1 });
  const server = createAuthServer({
    issuer: ISSUER,
    store,
    masterSecret: randomBytes(32),
    passwordHasher: hasher,
    rateLimits: false,
    mail: {
      mailer: { send: async () => undefined },
      links: { verifyEmail: `${ISSUER}/verify`, resetPassword: `${ISSUER}/reset` },
    },
  });
  await server.ready();
  const passwordHash = await hasher.hash(PASSWORD);
  const emails = (kind: string): string[] => Array.from({ length: options.accounts }, (_, n) => addressOf(kind, n));
  const known = await addAccounts(store, emails("known"), passwordHash);
  const disabled = await addAccounts(store, emails("disabled"), passwordHash);
  for (const email of disabled) await disableUser({ store, clock }, email);
  const foreign = await addAccounts(store, emails("foreign"), BCRYPT);
  const ids = await Promise.all(
    known.map(async (email) => (await store.accounts.findAccountByEmail(email))?.user.id ?? ""),
  );

  const inTurn = (values: readonly string[]): (() => string) => {
    let next = 0;
    return () => values[next++ % values.length] ?? "";
  };
  const fresh = (): string => addressOf("unknown", Number.parseInt(randomBytes(4).toString("hex"), 16));
  const signIn = (email: () => string) => () => post("/auth/login", { email: email(), password: WRONG });
  const signUp = (email: () => string) => () => post("/auth/signup", { email: email(), password: PASSWORD });
  const forgot = (email: () => string) => () => post("/auth/password/forgot", { email: email() });
  const verify = (id: () => string) => () => post("/auth/email/verify", { token: forge(id()), password: WRONG });

  return {
    server,
    pairs: [
      { name: "sign-in: nobody and nobody", first: signIn(fresh), second: signIn(fresh), status: 401 },
      {
        name: "sign-in: nobody and a wrong password",
        first: signIn(fresh),
        second: signIn(inTurn(known)),
        status: 401,
      },
      {
        name: "sign-in: nobody and a disabled account",
        first: signIn(fresh),
        second: signIn(inTurn(disabled)),
        status: 401,
      },
      {
        name: "sign-up: a new address and a taken one",
        first: signUp(fresh),
        second: signUp(inTurn(known)),
        status: 201,
      },
      { name: "password reset: nobody and somebody", first: forgot(fresh), second: forgot(inTurn(known)), status: 202 },
      {
        name: "verification, forged: nobody and somebody",
        first: verify(randomUUID),
        second: verify(inTurn(ids)),
        status: 400,
      },
    ],
    control: {
      name: "sign-in: nobody and a hash of bcrypt's",
      first: signIn(fresh),
      second: signIn(inTurn(foreign)),
      status: 401,
    },
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function clock(): number {
  return Math.floor(Date.now() / 1000);
}

/** All of one length. */
function addressOf(kind: string, n: number): string {
  return `${kind.padEnd(8, "-")}${String(n).padStart(10, "0")}@example.com`;
}

async function addAccounts(store: Store, emails: readonly string[], passwordHash: string): Promise<readonly string[]> {
  const others = { passwordHash, name: null, emailVerified: false, roles: [], disabled: false };
  await importAccounts(
    { store, clock },
    emails.map((email) => ({ ...others, email })),
  );
  return emails;
}

function post(path: string, body: object): Request {
  const headers = { "Content-Type": "application/json" };
  return new Request(`${ISSUER}${path}`, { method: "POST", body: JSON.stringify(body), headers });
}

/** Names somebody, and is signed by nobody. */
function forge(sub: string): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ typ: "email-verification+jwt", alg: "HS256", kid: "forged" })}.${encode({ sub })}`;
  return `${text}.${createHmac("sha256", "a key of the forger's").update(text).digest("base64url")}`;
}
