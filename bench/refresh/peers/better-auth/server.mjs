// The peer: Better Auth's OAuth provider on node:sqlite or (where BENCH_DATABASE_URL names one) on PostgreSQL, with its refresh
// grant, which rotates. Access tokens are JWTs signed with ES256, as everybody's here, or with `--opaque` rows of the database.
// Signs nobody in: users and refresh tokens are made with its own adapter.
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";

import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    database: { type: "string", default: "" },
    sessions: { type: "string", default: "0" },
    tokens: { type: "string", default: "" },
    opaque: { type: "boolean", default: false },
  },
});

const SCOPES = ["offline_access", "api"];
const RESOURCE = "https://api.example.com";

const url = process.env["BENCH_DATABASE_URL"];
const options = {
  baseURL: `http://localhost:${flags.port}`,
  secret: randomBytes(32).toString("base64url"),
  database: url === undefined ? openSqlite(flags.database) : await openPostgres(url),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
  plugins: [
    ...(flags.opaque ? [] : [jwt({ jwks: { keyPairConfig: { alg: "ES256" } } })]),
    oauthProvider({
      loginPage: "/sign-in",
      consentPage: "/consent",
      disableJwtPlugin: flags.opaque,
      scopes: SCOPES,
      ...(!flags.opaque && { resources: [RESOURCE], cachedResources: new Set([RESOURCE]) }),
      refreshTokenExpiresIn: 7 * 86_400,
      accessTokenExpiresIn: 600,
    }),
  ],
};
// First: at its start the provider writes down its resources.
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);

const { adapter, internalAdapter } = await auth.$context;
await adapter.create({
  model: "oauthClient",
  data: {
    clientId: "bench",
    public: true,
    redirectUris: ["http://localhost:1/callback"],
    tokenEndpointAuthMethod: "none",
    grantTypes: ["authorization_code", "refresh_token"],
    responseTypes: ["code"],
    scopes: SCOPES,
    createdAt: new Date(),
    updatedAt: new Date(),
  },
});
if (!flags.opaque) {
  const data = { clientId: "bench", resourceId: RESOURCE, createdAt: new Date() };
  await adapter.create({ model: "oauthClientResource", data });
}
const tokens = [];
for (let n = 0; n < Number(flags.sessions); n += 16) {
  const some = Math.min(16, Number(flags.sessions) - n);
  tokens.push(...(await Promise.all(Array.from({ length: some }, (_, at) => createRefreshToken(n + at)))));
}
writeFileSync(flags.tokens, JSON.stringify(tokens), { mode: 0o600 });
createServer(toNodeHandler(auth)).listen(Number(flags.port), "127.0.0.1");

async function createRefreshToken(n) {
  const user = await internalAdapter.createUser({ email: `user-${n}@example.com`, name: `User ${n}` });
  const session = await internalAdapter.createSession(user.id);
  const token = randomBytes(24).toString("base64url");
  await adapter.create({
    model: "oauthRefreshToken",
    data: {
      token: createHash("sha256").update(token).digest("base64url"),
      clientId: "bench",
      sessionId: session.id,
      userId: user.id,
      scopes: SCOPES,
      ...(!flags.opaque && { resources: [RESOURCE] }),
      authTime: new Date(),
      createdAt: new Date(),
      expiresAt: new Date(Date.now() + 7 * 86_400_000),
    },
  });
  return token;
}

function openSqlite(path) {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  return database;
}

/** No commit waits for the disk: Latchkey's rotations do not either, and what is compared is the work. */
async function openPostgres(connectionString) {
  const { default: pg } = await import("pg");
  return new pg.Pool({ connectionString, keepAlive: true, options: "-c synchronous_commit=off" });
}
