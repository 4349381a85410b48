// The peer: Better Auth's OAuth provider on node:sqlite, with its refresh grant (which rotates) and opaque access tokens.
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

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    database: { type: "string", default: "" },
    sessions: { type: "string", default: "0" },
    tokens: { type: "string", default: "" },
  },
});

const SCOPES = ["offline_access", "api"];

const database = new DatabaseSync(flags.database, { timeout: 5_000 });
database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
const auth = betterAuth({
  baseURL: `http://localhost:${flags.port}`,
  secret: randomBytes(32).toString("base64url"),
  database,
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
  plugins: [
    oauthProvider({
      loginPage: "/sign-in",
      consentPage: "/consent",
      disableJwtPlugin: true,
      scopes: SCOPES,
      refreshTokenExpiresIn: 7 * 86_400,
      accessTokenExpiresIn: 600,
    }),
  ],
});
await (await getMigrations(auth.options)).runMigrations();

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
const tokens = [];
database.exec("BEGIN");
for (let n = 0; n < Number(flags.sessions); n++) {
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
      authTime: new Date(),
      createdAt: new Date(),
      expiresAt: new Date(Date.now() + 7 * 86_400_000),
    },
  });
  tokens.push(token);
}
database.exec("COMMIT");
writeFileSync(flags.tokens, JSON.stringify(tokens), { mode: 0o600 });
createServer(toNodeHandler(auth)).listen(Number(flags.port), "127.0.0.1");
