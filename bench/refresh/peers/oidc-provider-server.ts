/**
 * The peer: oidc-provider's refresh grant with rotation, JWT access tokens (ES256), and an adapter on node:sqlite as its documentation
 * describes one. Signs nobody in: the refresh tokens are made with its own models.
 */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";

import type { Adapter, AdapterPayload } from "oidc-provider";
import { Provider } from "oidc-provider";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    database: { type: "string", default: "" },
    sessions: { type: "string", default: "0" },
    tokens: { type: "string", default: "" },
  },
});

const RESOURCE = "https://api.example.com";

const database = new DatabaseSync(flags.database, { timeout: 5_000 });
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS oidc (
    model      TEXT NOT NULL,
    id         TEXT NOT NULL,
    payload    TEXT NOT NULL,
    grant_id   TEXT,
    user_code  TEXT,
    uid        TEXT,
    expires_at INTEGER,
    consumed   INTEGER,
    PRIMARY KEY (model, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS oidc_by_grant ON oidc (grant_id);
`);
const upsert = database.prepare(`
  INSERT INTO oidc (model, id, payload, grant_id, user_code, uid, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`);
const find = database.prepare("SELECT payload, consumed FROM oidc WHERE model = ? AND id = ?");
const findByUid = database.prepare("SELECT payload, consumed FROM oidc WHERE model = ? AND uid = ?");
const findByUserCode = database.prepare("SELECT payload, consumed FROM oidc WHERE model = ? AND user_code = ?");
const consume = database.prepare("UPDATE oidc SET consumed = ? WHERE model = ? AND id = ?");
const remove = database.prepare("DELETE FROM oidc WHERE model = ? AND id = ?");
const removeByGrant = database.prepare("DELETE FROM oidc WHERE model = ? AND grant_id = ?");

function payloadOf(row: ReturnType<typeof find.get>): AdapterPayload | undefined {
  if (row === undefined) return undefined;
  const payload = JSON.parse(String(row["payload"])) as AdapterPayload;
  return row["consumed"] === null ? payload : { ...payload, consumed: Number(row["consumed"]) };
}

function createAdapter(model: string): Adapter {
  const now = (): number => Math.floor(Date.now() / 1000);
  return {
    async upsert(id, payload, expiresIn) {
      const expiresAt = expiresIn === undefined ? null : now() + expiresIn;
      const { grantId = null, userCode = null, uid = null } = payload;
      upsert.run(model, id, JSON.stringify(payload), grantId, userCode, uid, expiresAt);
    },
    find: async (id) => payloadOf(find.get(model, id)),
    findByUid: async (uid) => payloadOf(findByUid.get(model, uid)),
    findByUserCode: async (userCode) => payloadOf(findByUserCode.get(model, userCode)),
    async consume(id) {
      consume.run(now(), model, id);
    },
    async destroy(id) {
      remove.run(model, id);
    },
    async revokeByGrantId(grantId) {
      removeByGrant.run(model, grantId);
    },
  };
}

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const provider = new Provider(`http://localhost:${flags.port}`, {
  adapter: createAdapter,
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "bench", use: "sig", alg: "ES256" }] },
  clients: [
    {
      client_id: "bench",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: ["http://localhost:1/callback"],
      id_token_signed_response_alg: "ES256",
    },
  ],
  rotateRefreshToken: true,
  scopes: ["offline_access", "api"],
  ttl: { RefreshToken: 7 * 86_400, AccessToken: 600, Grant: 30 * 86_400 },
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "api",
        audience: RESOURCE,
        accessTokenTTL: 600,
        accessTokenFormat: "jwt" as const,
        jwt: { sign: { alg: "ES256" as const } },
      }),
    },
  },
});

const client = await provider.Client.find("bench");
if (client === undefined) throw new Error("the client is not there");
const tokens: string[] = [];
database.exec("BEGIN");
for (let n = 0; n < Number(flags.sessions); n++) {
  const accountId = `account-${n}`;
  const grant = new provider.Grant({ accountId, clientId: "bench" });
  grant.addOIDCScope("offline_access");
  grant.addResourceScope(RESOURCE, "api");
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId,
    client,
    grantId,
    gty: "authorization_code",
    scope: "offline_access api",
    resource: RESOURCE,
    rotations: 0,
    authTime: Math.floor(Date.now() / 1000),
  });
  tokens.push(await token.save());
}
database.exec("COMMIT");
writeFileSync(flags.tokens, JSON.stringify(tokens), { mode: 0o600 });
provider.listen(Number(flags.port), "127.0.0.1");
