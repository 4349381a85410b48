// The peer: oidc-provider's refresh grant with rotation, JWT access tokens (ES256), and an adapter as its documentation
// describes one, on node:sqlite or (where BENCH_DATABASE_URL names one) on PostgreSQL. Signs nobody in: the refresh tokens are
// made with its own models.
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { Provider } from "oidc-provider";

import { openPostgresRows } from "./postgres-rows.mjs";
import { openSqliteRows } from "./sqlite-rows.mjs";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    database: { type: "string", default: "" },
    sessions: { type: "string", default: "0" },
    tokens: { type: "string", default: "" },
  },
});

const RESOURCE = "https://api.example.com";

const url = process.env["BENCH_DATABASE_URL"];
const rows = url === undefined ? await openSqliteRows(flags.database) : await openPostgresRows(url);

function payloadOf(row) {
  if (row === undefined) return undefined;
  const payload = JSON.parse(row.payload);
  return row.consumed === null ? payload : { ...payload, consumed: Number(row.consumed) };
}

function createAdapter(model) {
  const now = () => Math.floor(Date.now() / 1000);
  return {
    upsert(id, payload, expiresIn) {
      const expiresAt = expiresIn === undefined ? null : now() + expiresIn;
      const { grantId = null, userCode = null, uid = null } = payload;
      return rows.upsert(model, id, JSON.stringify(payload), grantId, userCode, uid, expiresAt);
    },
    find: async (id) => payloadOf(await rows.find("id", model, id)),
    findByUid: async (uid) => payloadOf(await rows.find("uid", model, uid)),
    findByUserCode: async (userCode) => payloadOf(await rows.find("user_code", model, userCode)),
    consume: (id) => rows.consume(now(), model, id),
    destroy: (id) => rows.remove(model, id),
    revokeByGrantId: (grantId) => rows.removeByGrant(model, grantId),
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
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});

const client = await provider.Client.find("bench");
if (client === undefined) throw new Error("the client is not there");
const tokens = [];
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
writeFileSync(flags.tokens, JSON.stringify(tokens), { mode: 0o600 });
provider.listen(Number(flags.port), "127.0.0.1");
