// The peer where people sign in: Better Auth on node:sqlite with e-mail addresses and passwords, as it comes but for its limit
// of requests. Its sessions are opaque cookies, read from the database each time.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";

import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    database: { type: "string", default: "" },
    users: { type: "string", default: "0" },
    sessions: { type: "string", default: "0" },
    password: { type: "string", default: "" },
    cookies: { type: "string", default: "" },
  },
});

const database = new DatabaseSync(flags.database, { timeout: 5_000 });
database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
const auth = betterAuth({
  baseURL: `http://localhost:${flags.port}`,
  secret: randomBytes(32).toString("base64url"),
  database,
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
  emailAndPassword: { enabled: true },
});
await (await getMigrations(auth.options)).runMigrations();

// The first signs up; the others get what that has left, and its hash.
const emailOf = (n) => `user-${n}@example.com`;
await auth.api.signUpEmail({ body: { email: emailOf(0), name: "User 0", password: flags.password } });
const { internalAdapter } = await auth.$context;
const first = await internalAdapter.findUserByEmail(emailOf(0), { includeAccounts: true });
const { providerId, issuer, password } = first.accounts[0];
for (let n = 1; n < Number(flags.users); n++) {
  const user = await internalAdapter.createUser({ email: emailOf(n), name: `User ${n}` });
  await internalAdapter.linkAccount({ userId: user.id, providerId, issuer, accountId: user.id, password });
}
const cookies = [];
for (let n = 0; n < Number(flags.sessions); n++) {
  const body = { email: emailOf(n), password: flags.password };
  const { headers } = await auth.api.signInEmail({ body, returnHeaders: true });
  cookies.push(
    headers
      .getSetCookie()
      .map((cookie) => cookie.split(";")[0])
      .join("; "),
  );
}
writeFileSync(flags.cookies, JSON.stringify(cookies), { mode: 0o600 });
createServer(toNodeHandler(auth)).listen(Number(flags.port), "127.0.0.1");
